#!/usr/bin/env node
import { Command } from 'commander';
import { LineInput, type Output } from './tools/output.ts';
import { SnapshotComparison } from './tools/snapshot-comparison.ts';
import { SnapshotTree } from './tools/snapshot-tree.ts';
import { requireFile, runTool, ToolError } from './tools/tool.ts';

// The command behind bin/zkSnapshotComparer.sh: options, output and exit codes of Apache's SnapshotComparer.

interface Options {
  readonly left: string;
  readonly right: string;
  readonly bytes: string;
  readonly nodes: string;
  readonly debug?: true;
  readonly interactive?: true;
}

const program = new Command('zkSnapshotComparer.sh')
  .description('Compares the sizes of what two snapshots (plain, .gz or .snappy) hold, depth by depth.')
  .requiredOption('-l, --left <file>', '(required) the left snapshot')
  .requiredOption('-r, --right <file>', '(required) the right snapshot')
  .requiredOption('-b, --bytes <threshold>', '(required) a difference of more bytes is shown')
  .requiredOption('-n, --nodes <threshold>', '(required) a difference of more znodes is shown')
  .option('-d, --debug', 'tell each step')
  .option('-i, --interactive', 'ask which depth or which part of the tree to show')
  .allowExcessArguments(false)
  .addHelpText('after', '\nExit codes: 0 done, 1 damaged or no such file, 2 bad arguments.');

function run(out: Output): number {
  const { left, right, bytes, nodes, debug, interactive } = program.opts<Options>();
  const byteThreshold = parseThreshold('-b', bytes);
  const nodeThreshold = parseThreshold('-n', nodes);
  for (const path of [left, right]) requireFile(path, 1, `${path}: no such file, or not readable`);
  out.line('Successfully parsed options!');
  const trees: SnapshotTree[] = [];
  try {
    for (const path of [left, right]) trees.push(SnapshotTree.read(path, out));
    for (const tree of trees) tree.describe(out);
    new SnapshotComparison({
      left: trees[0],
      right: trees[1],
      byteThreshold,
      nodeThreshold,
      debug: debug === true,
      input: interactive ? new LineInput(0) : null,
      out,
    }).run();
    return 0;
  } finally {
    for (const tree of trees) tree.close();
  }
}

function parseThreshold(option: string, text: string): number {
  if (/^[+-]?\d{1,10}$/.test(text)) return Number(text);
  throw new ToolError(`${option} takes a whole number, not '${text}'`, 2, true);
}

await runTool({ program, usageExitCode: 2, run });
