import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Edit, Mutant } from './mutant.ts';

/** Where the compiled files are, this one among them. */
const COMPILED = fileURLToPath(new URL('../../', import.meta.url));
const IMPORT = /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g;

/** The code has changed, and the mutant has not: it must be looked at. */
export class StaleMutantError extends Error {
  override readonly name = 'StaleMutantError';
}

/** Compiled files with a mutant's edits in them, beside the ones that they were copied from. */
export interface MutatedCopy {
  /** Of the copied entry. */
  readonly url: URL;
  remove(): void;
}

/**
 * Copies what `entry`, a compiled file below {@link COMPILED}, imports, directly or not, to a folder of its own, with the
 * mutant's edits: the server's code, but for these. Beside the original, so that packages are found from there; never into it.
 * Throws StaleMutantError when an edit does not fit, or concerns a file that `entry` does not run.
 */
export function copyWithMutant(mutant: Mutant, entry: string): MutatedCopy {
  const files = closureOf(entry);
  for (const { file } of mutant.edits) {
    if (!files.has(file)) throw new StaleMutantError(`${mutant.name}: ${entry} does not run ${file}`);
  }
  const target = path.join(COMPILED, 'mutants', `${process.pid}-${mutant.name}`);
  const remove = (): void => fs.rmSync(target, { recursive: true, force: true });
  remove();
  try {
    for (const [file, text] of files) {
      const edits = mutant.edits.filter((edit) => edit.file === file);
      const to = path.join(target, file);
      fs.mkdirSync(path.dirname(to), { recursive: true });
      fs.writeFileSync(
        to,
        edits.reduce((edited, edit) => apply(mutant, edit, edited), text),
      );
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { url: pathToFileURL(path.join(target, entry)), remove };
}

function apply(mutant: Mutant, { file, find, replace, times = 1 }: Edit, text: string): string {
  const pieces = text.split(find);
  if (pieces.length - 1 === times) return pieces.join(replace);
  throw new StaleMutantError(
    `${mutant.name}: ${file} holds the following ${pieces.length - 1} times instead of ${times}; the mutant must follow the code: ${find}`,
  );
}

/** The file and everything that it imports from here, by name, as text. */
function closureOf(entry: string): Map<string, string> {
  const files = new Map<string, string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    const text = fs.readFileSync(path.join(COMPILED, file), 'utf8');
    files.set(file, text);
    for (const [, name] of text.matchAll(IMPORT)) {
      if (name !== undefined) waiting.push(path.join(path.dirname(file), name));
    }
  }
  return files;
}
