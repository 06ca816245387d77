#!/usr/bin/env node
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Output } from './tools/output.ts';
import { formatSnapshot } from './tools/snapshot-formatter.ts';
import { formatSnapshotJson } from './tools/snapshot-json.ts';
import { requireFile, runTool, ToolError } from './tools/tool.ts';

// The command behind bin/zkSnapShotToolkit.sh: options, output and exit codes of Apache's SnapshotFormatter.

interface Options {
  readonly data?: true;
  readonly json?: true;
}

const program = new Command('zkSnapShotToolkit.sh')
  .description('Prints a snapshot (snapshot.*, plain, .gz or .snappy): its znodes and sessions.')
  .argument('<snapshot_file>')
  .option('-d, --data', 'print the data of each znode, in base64')
  .option('--json', 'print the tree with sizes as JSON for ncdu (also -json)')
  .addHelpText('after', '\nExit codes: 0 done, 1 damaged, 2 bad arguments or no file.');

function run(out: Output): number {
  const { data, json } = program.opts<Options>();
  const path = program.args[0];
  requireFile(path, 2, `File '${resolve(path)}' does not exist.`);
  if (data && json)
    throw new ToolError('Cannot specify both data dump (-d) and json mode (-json) in same call', 2);
  if (json) formatSnapshotJson(path, out);
  else formatSnapshot(path, data === true, out);
  return 0;
}

await runTool({ program, usageExitCode: 2, run });
