import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../server/config.ts';
import { PropertiesError, type Property, parseProperties } from '../server/properties.ts';

/** The search of Apache's script: a bare name in the configuration directory, anything else as it is. */
export function findConfig(argument: string | undefined, configDirectory: string | undefined): string {
  const directory = configDirectory ?? (process.env.ZOOCFGDIR || join(packageRoot(), 'conf'));
  if (argument === undefined) {
    const name = process.env.ZOOCFG || 'zoo.cfg';
    return isAbsolute(name) ? name : join(directory, name);
  }
  if (isAbsolute(argument) || argument.includes('/')) return argument;
  const inDirectory = join(directory, argument);
  return existsSync(inDirectory) || !existsSync(argument) ? inDirectory : argument;
}

/** The directory with bin and conf: that of the next package.json upwards. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json')) && dirname(directory) !== directory)
    directory = dirname(directory);
  return directory;
}

/** dataDir of a zoo.cfg, absolute. Throws ConfigError. */
export function dataDirOf(configFile: string): string {
  const dataDir = directoryOf(configFile, 'dataDir');
  if (dataDir === null) throw new ConfigError(`${configFile}: dataDir is missing`);
  return dataDir;
}

/** dataLogDir of a zoo.cfg, absolute; null when it has none. Throws ConfigError. */
export function dataLogDirOf(configFile: string): string | null {
  return directoryOf(configFile, 'dataLogDir');
}

function directoryOf(configFile: string, key: string): string | null {
  const line = readConfigLines(configFile).findLast((property) => property.key.trim() === key);
  const value = line?.value.trim() ?? '';
  return value === '' ? null : resolve(value);
}

/** The lines of a zoo.cfg, whatever is in them. Throws ConfigError. */
export function readConfigLines(configFile: string): Property[] {
  try {
    return parseProperties(readFileSync(configFile));
  } catch (error) {
    if (error instanceof PropertiesError)
      throw new ConfigError(`${configFile}:${error.line}: ${error.message}`);
    throw new ConfigError(`${configFile}: cannot be read: ${(error as Error).message}`);
  }
}
