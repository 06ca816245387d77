import { resolve } from 'node:path';
import { ConfigError, interpretConfig, type MachineFacts, type ServerConfig } from '../../server/config.ts';
import type { Property } from '../../server/properties.ts';
import { readConfigLines } from '../config-file.ts';
import type { Findings } from './findings.ts';

/** More keys than this cannot be wrong at once in a file that is a zoo.cfg. */
const ERRORS_MAX = 100;
/** What is taken for a key that must be there, to go on where it is wrong or missing. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['initLimit', '10'],
  ['syncLimit', '5'],
  ['clientPort', '0'],
]);

export interface CheckedConfig {
  /** Null when the configuration cannot be used at all. */
  readonly config: ServerConfig | null;
  /** Where the data is, as far as the file says so. */
  readonly dataDir: string | null;
  readonly dataLogDir: string | null;
}

/**
 * Reads a configuration as a start does, and goes on behind an error as if its line were not there: so all errors are found
 * and not just the first. Warnings are what a start would warn of.
 */
export function checkConfig(
  file: string,
  systemProperties: ReadonlyMap<string, string>,
  machine: MachineFacts,
  findings: Findings,
): CheckedConfig {
  let lines: Property[];
  try {
    lines = readConfigLines(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    findings.block(error.message);
    return { config: null, dataDir: null, dataLogDir: null };
  }
  sayDefaults(lines, findings);
  const config = interpretLeniently(file, lines, new Map(systemProperties), machine, findings);
  const directory = (key: string): string | null => {
    const value = lines.findLast((line) => line.key.trim() === key)?.value.trim() ?? '';
    return value === '' ? null : resolve(machine.workingDirectory, value);
  };
  const dataDir = config?.dataDir ?? directory('dataDir');
  return { config, dataDir, dataLogDir: config?.dataLogDir ?? directory('dataLogDir') ?? dataDir };
}

/** What is otherwise than with Apache without a line that says so. */
function sayDefaults(lines: readonly Property[], findings: Findings): void {
  const isSet = (key: string): boolean => lines.some((line) => line.key.trim() === key);
  if (!isSet('autopurge.purgeInterval')) {
    findings.differ(
      'autopurge.purgeInterval is not set: old snapshots and logs are purged every 24 hours (Apache purges none; 0 does so here)',
    );
  }
  if (!isSet('admin.enableServer'))
    findings.differ('the admin server, which Apache opens on port 8080 by default, is not built yet');
}

function interpretLeniently(
  file: string,
  lines: readonly Property[],
  properties: Map<string, string>,
  machine: MachineFacts,
  findings: Findings,
): ServerConfig | null {
  let left = lines;
  for (let errors = 0; errors < ERRORS_MAX; errors++) {
    try {
      const { config, warnings } = interpretConfig(file, left, properties, machine, (error) =>
        findings.block(error.message),
      );
      // Line 0 is a stand-in's.
      for (const warning of warnings) if (!warning.startsWith(`${file}:0:`)) findings.differ(warning);
      return config;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      findings.block(error.message);
      const { key } = error;
      if (key === null) return null;
      const wasGiven = properties.delete(key) || left.some((line) => line.key.trim() === key);
      const standIn = STAND_INS.get(key);
      if (!wasGiven && standIn === undefined) return null;
      left = left.filter((line) => line.key.trim() !== key);
      if (standIn !== undefined) left = [...left, { key, value: standIn, line: 0 }];
    }
  }
  return null;
}
