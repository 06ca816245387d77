import { type OptionTable, type ParsedWords, parseWords } from './command-line.ts';
import type { Shell } from './shell.ts';
import { ShellError } from './shell-error.ts';

/** A command of the shell. */
export interface ShellCommand {
  /** Its options and arguments, as the list of commands shows them. */
  readonly usage: string;
  /** Throws ShellError or a client's error when it fails. */
  run(shell: Shell, given: readonly string[]): Promise<void>;
}

/** A command whose words are read by a table of options, and that needs at least `wordsMin` others. */
export function command(
  name: string,
  usage: string,
  options: OptionTable,
  wordsMin: number,
  run: (shell: Shell, parsed: ParsedWords) => Promise<void>,
): [string, ShellCommand] {
  return [
    name,
    {
      usage,
      async run(shell, given) {
        const parsed = parseWords(given, options);
        if (parsed.words.length < wordsMin) throw new ShellError(`${name} ${usage}`);
        await run(shell, parsed);
      },
    },
  ];
}

/** A word as a znode's data. */
export function dataOf(word: string): Uint8Array {
  return Buffer.from(word, 'utf8');
}
