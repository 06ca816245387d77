import fs from 'node:fs';
import { type Command, CommanderError } from 'commander';
import { Output } from './output.ts';

/** What a tool says on stderr before it ends with an exit code of Apache's (protocol/features.md §7). */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly exitCode: number;
  /** Whether the usage is to be shown, too. */
  readonly showsUsage: boolean;

  constructor(message: string, exitCode: number, showsUsage = false) {
    super(message);
    this.exitCode = exitCode;
    this.showsUsage = showsUsage;
  }
}

export interface ToolOptions {
  /** Its options and arguments, without an action. */
  readonly program: Command;
  /** The exit code for arguments that cannot be: Apache's tools differ. */
  readonly usageExitCode: number;
  /** Does the work, and gives the exit code. */
  readonly run: (out: Output) => number | Promise<number>;
}

/**
 * Runs a tool to its end with the arguments of this process: sets the process's exit code, says one line on stderr
 * when it fails.
 */
export async function runTool({ program, usageExitCode, run }: ToolOptions): Promise<void> {
  const out = new Output(1);
  try {
    process.exitCode = parse(program, usageExitCode, out) ? await run(out) : 0;
    out.flush();
  } catch (error) {
    out.flush();
    process.stderr.write(`${(error as Error).message}\n`);
    if (!(error instanceof ToolError)) process.exitCode = 1;
    else {
      process.exitCode = error.exitCode;
      if (error.showsUsage) process.stderr.write(`\n${program.helpInformation()}`);
    }
  }
}

/** False when only help was asked for. */
function parse(program: Command, usageExitCode: number, out: Output): boolean {
  program.exitOverride().configureOutput({ outputError: () => {}, writeOut: (text) => out.write(text) });
  try {
    program.parse(withLongOptions(program, process.argv.slice(2)), { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw new ToolError(error.message, usageExitCode, true);
  }
}

/** Apache's tools take `-json` and `-yes` for `--json` and `--yes`. */
function withLongOptions(program: Command, words: readonly string[]): string[] {
  return words.map((word) => {
    if (!/^-[a-z]{2,}/.test(word)) return word;
    const isLong = program.options.some(({ long }) => long === `-${word.split('=')[0]}`) || word === '-help';
    return isLong ? `-${word}` : word;
  });
}

/** Throws {@link ToolError} unless the file is there and can be read. */
export function requireFile(path: string, exitCode: number, message: string): void {
  try {
    fs.accessSync(path, fs.constants.R_OK);
    if (fs.statSync(path).isFile()) return;
  } catch {
    // Said below.
  }
  throw new ToolError(message, exitCode);
}
