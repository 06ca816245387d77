#!/usr/bin/env node
import { Command } from 'commander';
import { verifyLog } from './tools/log-verification.ts';
import { LineInput, type Output } from './tools/output.ts';
import { requireFile, runTool, ToolError } from './tools/tool.ts';
import { chopLog, dumpLog, type Repair, recoverLog } from './tools/txn-log-toolkit.ts';

// The command behind bin/zkTxnLogToolkit.sh: options, output and exit codes of Apache's TxnLogToolkit, and some of our own.

const ZXID_MAX = 2n ** 63n - 1n;

interface Options {
  readonly recover?: true;
  readonly verbose?: true;
  readonly yes?: true;
  readonly no?: true;
  readonly verify?: true;
  readonly chop?: true;
  readonly zxid?: string;
}

const program = new Command('zkTxnLogToolkit.sh')
  .description(
    'Prints, verifies, repairs and cuts a transaction log (log.*) that a server does not write any more.',
  )
  .argument('<txn_log_file_name>')
  .option('-d, --dump', 'print all transactions of the file, data included (default)')
  .option(
    '-r, --recover',
    'write <file>.fixed, with the CRC of broken entries calculated anew; asks for each',
  )
  .option('-v, --verbose', 'with -r: print all entries, not just those with an error')
  .option('-y, --yes', 'with -r: repair all CRC errors without asking')
  .option('-n, --no', 'with -r: list all CRC errors without asking, and repair none')
  .option('-c, --chop', 'write <file>.chopped<zxid>, with the transactions up to and with that of -z')
  .option('-z, --zxid <zxid>', 'where to chop; decimal or 0x…')
  .option('--verify', 'read the file with all checks of a start, and say what is wrong with it')
  .addHelpText('after', '\nExit codes: 0 done, 1 damage or a failure, 2 no log, or nothing to chop.');

function run(out: Output): number {
  const options = program.opts<Options>();
  const path = program.args[0];
  requireFile(path, 1, `File doesn't exist or not readable: ${path}`);
  if (options.verify) return verifyLog(path, out);
  if (options.chop && options.zxid !== undefined)
    return chopLog({ path, out, zxid: parseZxid(options.zxid) });
  if (!options.recover) return dumpLog({ path, out });
  const repair: Repair = options.yes ? 'all' : options.no ? 'none' : 'ask';
  return recoverLog({ path, out, repair, verbose: options.verbose === true, input: new LineInput(0) });
}

/** As Long.decode, but for octal numbers, which nobody means. */
function parseZxid(text: string): bigint {
  const zxid = /^(\d+|0[xX][0-9a-fA-F]+)$/.test(text) ? BigInt(text) : -1n;
  if (zxid < 0n || zxid > ZXID_MAX) throw new ToolError(`${text}: -z takes a zxid, such as 0x100000005`, 1);
  return zxid;
}

await runTool({ program, usageExitCode: 1, run });
