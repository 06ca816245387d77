import type { ZooKeeper } from '../../client/index.ts';
import { Shell } from './shell.ts';

const PATIENCE_MS = 1_000;

/**
 * What the last word of a line may go on as: the commands for the first word, znodes for one that begins with `/`. Gives the
 * candidates, and the word that they stand for.
 */
export async function complete(zk: ZooKeeper, line: string): Promise<[string[], string]> {
  const word = line.slice(line.lastIndexOf(' ') + 1);
  if (word.startsWith('/')) return [await znodes(zk, word), word];
  if (line.trimStart() !== word) return [[], word];
  return [Shell.commandNames.filter((name) => name.startsWith(word)).map((name) => `${name} `), word];
}

async function znodes(zk: ZooKeeper, word: string): Promise<string[]> {
  const slash = word.lastIndexOf('/');
  const directory = word.slice(0, slash) || '/';
  const names = await zk.getChildren(directory, { timeoutMs: PATIENCE_MS });
  const prefix = word.slice(slash + 1);
  const found = names.filter((name) => name.startsWith(prefix)).sort();
  return found.map((name) => `${word.slice(0, slash + 1)}${name}`);
}
