import { ShellError } from './shell-error.ts';

/** Splits a line into words; single or double quotes keep spaces, and are taken off. Apache's pattern. */
export function splitLine(line: string): string[] {
  return [...line.matchAll(/\s*([^"']\S*|"[^"]*"|'[^']*')\s*/g)].map(([, word]) =>
    /^(["']).*\1$/.test(word) && word.length > 1 ? word.slice(1, -1) : word,
  );
}

/** Options of a command by their letter or name: whether they take a value. */
export type OptionTable = Readonly<Record<string, boolean>>;

export interface ParsedWords {
  /** All words, as they were given. */
  readonly given: readonly string[];
  /** Words that are no options; the command's own name is not among them. */
  readonly words: string[];
  has(option: string): boolean;
  value(option: string): string | undefined;
}

/** Reads options, which may stand anywhere, as Apache's parser (commons-cli) does, with its messages. */
export function parseWords(given: readonly string[], options: OptionTable): ParsedWords {
  const found = new Map<string, string | undefined>();
  const words: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const word = given[i];
    if (word === '--') {
      words.push(...given.slice(i + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-' || isNegativeNumber(word)) {
      words.push(word);
      continue;
    }
    const name = word.replace(/^--?/, '');
    if (Object.hasOwn(options, name)) {
      if (!options[name]) found.set(name, undefined);
      else found.set(name, valueAfter(given, ++i, name, options));
    } else if (!takeCluster(name, options, found)) {
      throw parseError('UnrecognizedOptionException', `Unrecognized option: ${word}`);
    }
  }
  return { given, words, has: (option) => found.has(option), value: (option) => found.get(option) };
}

function isNegativeNumber(word: string): boolean {
  return /^-\d+$/.test(word);
}

function valueAfter(given: readonly string[], at: number, name: string, options: OptionTable): string {
  const value = given[at];
  if (value === undefined || (value.startsWith('-') && Object.hasOwn(options, value.slice(1))))
    throw parseError('MissingArgumentException', `Missing argument for option: ${name}`);
  return value;
}

/** `-sw` for `-s -w`, `-v5` for `-v 5`. */
function takeCluster(name: string, options: OptionTable, found: Map<string, string | undefined>): boolean {
  const first = name[0];
  if (first !== undefined && Object.hasOwn(options, first) && options[first]) {
    found.set(first, name.slice(1));
    return true;
  }
  if (![...name].every((letter) => Object.hasOwn(options, letter) && !options[letter])) return false;
  for (const letter of name) found.set(letter, undefined);
  return true;
}

/** A complaint of the parser, in the words that Apache's users see. */
export function parseError(kind: string, message: string): ShellError {
  return new ShellError(`org.apache.commons.cli.${kind}: ${message}`);
}

/** A whole number given as a word. */
export function wholeNumber(word: string, message = `For input string: "${word}"`): number {
  if (!/^[-+]?\d+$/.test(word) || !Number.isSafeInteger(Number(word))) throw new ShellError(message);
  return Number(word);
}
