#!/usr/bin/env node
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../server/config.ts';
import { readServerVersion, ZOOKEEPER_VERSION } from '../server/version.ts';
import { dataDirOf, findConfig, packageRoot, readConfigLines } from './config-file.ts';
import { outputFile, type StartOptions, start, stop } from './daemon.ts';
import { runForeground, type StartReport } from './foreground.ts';
import { status } from './status.ts';

// The commands behind bin/zkServer.sh, which sets the environment that Apache's script has: ZOOCFGDIR, ZOOCFG,
// ZOOPIDFILE, ZOO_LOG_DIR. Exit codes are Apache's (protocol/features.md §7).

interface Options {
  config?: string;
  D: [name: string, value: string][];
  notifyParent?: boolean;
  whileRunning?: boolean;
}

const program = new Command('zk-server')
  .description(`Menagerie, a server for ZooKeeper ${ZOOKEEPER_VERSION} clients`)
  .exitOverride();

command(
  'start-foreground',
  'run the server in this terminal until it is stopped (SIGTERM, SIGINT)',
  foreground,
);
command('start', 'run the server in the background; waits until it serves', startDaemon);
command('stop', 'stop the server that start has started', (file) => stop(filesOf(file)));
command('restart', 'stop and start', async (file, options) => {
  const code = await stop(filesOf(file));
  return code === 0 ? await startDaemon(file, options) : code;
});
command('status', 'ask the server of the configuration for its mode', (file) =>
  status(readConfigLines(file)),
);
command(
  'check',
  'look whether the server would start with this configuration on this data; changes nothing',
  async (configFile, options) => {
    const { check } = await import('./check/check.ts');
    const whileRunning = options.whileRunning === true;
    return await check({ configFile, systemProperties: new Map(options.D), whileRunning });
  },
).option('--while-running', 'the server that is to be replaced still runs, and is not in the way');
command('print-cmd', 'print the command that start runs', printCommand);
program
  .command('version')
  .description('print the version')
  .action(() => {
    const { own, built } = readServerVersion();
    process.stdout.write(
      `Menagerie ${own} ${built}, compatible with Apache ZooKeeper, version ${ZOOKEEPER_VERSION}\n`,
    );
  });

function command(
  name: string,
  description: string,
  run: (configFile: string, options: Options) => number | Promise<number>,
): Command {
  return program
    .command(name)
    .description(description)
    .argument(
      '[zoo.cfg]',
      'configuration file; a bare name is looked for in the configuration directory first',
    )
    .option('--config <dir>', 'configuration directory (default: $ZOOCFGDIR, or conf)')
    .addOption(
      new Option('-D <name=value>', 'a system property, as in -Dzookeeper.snapCount=1000; may be repeated')
        .argParser(collectProperty)
        .default([], 'none'),
    )
    .addOption(new Option('--notify-parent', 'report the start over IPC').hideHelp())
    .action(async (argument: string | undefined, options: Options) => {
      const file = findConfig(argument, options.config);
      process.stderr.write(`Using config: ${file}\n`);
      try {
        process.exitCode = await run(file, options);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = name === 'start-foreground' ? error.exitCode : 1;
      }
    });
}

function collectProperty(text: string, previous: Options['D']): Options['D'] {
  const equals = text.indexOf('=');
  if (equals === 0) throw new InvalidArgumentError('it must be name=value.');
  // As java does: -Dname alone sets the empty string.
  const property: [string, string] =
    equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
  return [...previous, property];
}

async function foreground(configFile: string, options: Options): Promise<number> {
  const report = (message: StartReport) =>
    new Promise<void>((done) => {
      if (options.notifyParent !== true || process.send === undefined) return done();
      // A parent that has gone meanwhile is no reason to stop.
      process.send(message, () => {
        if (process.connected) process.disconnect();
        done();
      });
    });
  try {
    // Only here: the other commands need not load the server.
    const { startServer } = await import('../server/server.ts');
    return await runForeground(configFile, new Map(options.D), startServer, report);
  } catch (error) {
    if (error instanceof ConfigError) await report({ started: false, reason: error.message });
    throw error;
  }
}

function startDaemon(configFile: string, options: Options): Promise<number> {
  return start(serverCommand(configFile, options, ['--notify-parent']), filesOf(configFile, options));
}

function serverCommand(configFile: string, options: Options, more: readonly string[]): string[] {
  const properties = options.D.map(([name, value]) => `-D${name}=${value}`);
  const entry = fileURLToPath(import.meta.url);
  return [
    process.execPath,
    ...process.execArgv,
    entry,
    'start-foreground',
    ...more,
    ...properties,
    configFile,
  ];
}

function printCommand(configFile: string, options: Options): number {
  const words = serverCommand(configFile, options, []).map((word) => `"${word}"`);
  process.stdout.write(`${words.join(' ')} > "${filesOf(configFile).outFile}" 2>&1 < /dev/null\n`);
  return 0;
}

function filesOf(configFile: string, options?: Options): StartOptions {
  const logDirectory = process.env.ZOO_LOG_DIR || join(packageRoot(), 'logs');
  const autocreate = new Map(options?.D).get('zookeeper.datadir.autocreate') ?? 'true';
  return {
    pidFile: process.env.ZOOPIDFILE || join(dataDirOf(configFile), 'zookeeper_server.pid'),
    outFile: outputFile(resolve(logDirectory)),
    mayCreateDirectories: autocreate.toLowerCase() !== 'false',
  };
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed it. Help asked for is a success.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
// Whatever still holds the event loop (a connection, a timer) must not keep a command alive that has ended.
process.exit();
