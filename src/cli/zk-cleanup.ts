#!/usr/bin/env node
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { ConfigError } from '../server/config.ts';
import { listLogs, listSnapshots, VERSION_DIRECTORY } from '../storage/data-directory.ts';
import { type FileSystem, nodeFileSystem } from '../storage/file-system.ts';
import { purge } from '../storage/purge.ts';
import { dataDirOf, dataLogDirOf, findConfig } from './config-file.ts';
import { javaMediumDate } from './tools/java-text.ts';
import type { Output } from './tools/output.ts';
import { Progress } from './tools/progress.ts';
import { runTool, ToolError } from './tools/tool.ts';

// The command behind bin/zkCleanup.sh: arguments, output and exit codes of Apache's script and its PurgeTxnLog.

const COUNT_MIN = 3;
/** jute.maxbuffer and its extrasize may be 64 MiB each. */
const ENTRY_BYTES_MAX = 128 * 1024 * 1024;

const program = new Command('zkCleanup.sh')
  .description(
    'Removes old snapshots, and the transaction logs that those left do not need. A server may run meanwhile.',
  )
  .argument('[dataLogDir]', 'directory of the logs, or a zoo.cfg (default: those of the configuration)')
  .argument('[snapDir]', 'directory of the snapshots (default: dataLogDir)')
  .requiredOption(
    '-n <count>',
    `snapshots to keep, at least ${COUNT_MIN}; those that cannot be read do not count`,
  )
  .option('--config <dir>', 'configuration directory (default: $ZOOCFGDIR, or conf)')
  .allowExcessArguments(false)
  .addHelpText('after', '\nExit codes: 0 done, 1 bad arguments or a failure.');

function run(out: Output): number {
  const { n, config } = program.opts<{ n: string; config?: string }>();
  const retainCount = parseCount(n);
  const { dataLogDir, dataDir } = directories(program.args, config);
  const snapshotDirectory = versionDirectory(dataDir);
  const logDirectory = versionDirectory(dataLogDir);
  const say = (message: string): void => {
    out.flush();
    process.stderr.write(`${message}\n`);
  };
  const progress = new Progress('reading snapshots');
  purge({
    fileSystem: announcing(out),
    snapshotDirectory,
    logDirectory,
    snapshots: listSnapshots(nodeFileSystem, snapshotDirectory),
    logs: listLogs(nodeFileSystem, logDirectory),
    retainCount,
    entryBytesMax: ENTRY_BYTES_MAX,
    neededFrom: null,
    onProgress: (done, total) => progress.report(done, total),
    log: { info: say, warn: say },
  });
  return 0;
}

/** Says which file goes, before it does. */
function announcing(out: Output): FileSystem {
  return {
    ...nodeFileSystem,
    unlink: (path) => {
      out.line(`Removing file: ${javaMediumDate(fs.statSync(path).mtimeMs)}\t${path}`);
      out.flush();
      nodeFileSystem.unlink(path);
    },
  };
}

function parseCount(text: string): number {
  if (!/^[+-]?\d{1,10}$/.test(text)) throw new ToolError(`'${text}' can not be parsed to integer.`, 1, true);
  const count = Number(text);
  if (count < COUNT_MIN) throw new ToolError('count should be greater than or equal to 3', 1, true);
  return count;
}

function directories(args: readonly string[], configDirectory: string | undefined) {
  const [first, second] = args;
  const isConfig =
    first === undefined || (second === undefined && fs.statSync(first, { throwIfNoEntry: false })?.isFile());
  if (!isConfig) return { dataLogDir: first, dataDir: second ?? first };
  try {
    const file = findConfig(first, configDirectory);
    const dataDir = dataDirOf(file);
    return { dataLogDir: dataLogDirOf(file) ?? dataDir, dataDir };
  } catch (error) {
    if (error instanceof ConfigError) throw new ToolError(error.message, 1, true);
    throw error;
  }
}

function versionDirectory(directory: string): string {
  if (!fs.existsSync(directory)) throw new ToolError(`Path '${resolve(directory)}' does not exist.`, 1, true);
  const path = join(directory, VERSION_DIRECTORY);
  if (!fs.existsSync(path)) throw new ToolError(`${resolve(directory)}: no ${VERSION_DIRECTORY} in it`, 1);
  return path;
}

await runTool({ program, usageExitCode: 1, run });
