import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Outcome, type RunOptions, runTool } from '../../support/tool-run.ts';

/** Runs one of our commands, such as `zk-txn-log-toolkit`. */
export function tool(name: string, args: readonly string[], options: RunOptions = {}): Outcome {
  const file = fileURLToPath(new URL(`../../../src/cli/${name}.js`, import.meta.url));
  return runTool(process.execPath, [...(options.nodeOptions ?? []), file, ...args], options);
}

/** Runs a script of bin. */
export function script(name: string, args: readonly string[], options: RunOptions = {}): Outcome {
  let root = path.dirname(fileURLToPath(import.meta.url));
  while (!fs.existsSync(path.join(root, 'package.json'))) root = path.dirname(root);
  return runTool(path.join(root, 'bin', name), args, options);
}

/** All files below a directory with length, time and content, and the directories: to tell whether anything was changed. */
export function picture(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const { mtimeMs, ctimeMs, size, mode, ino } = fs.lstatSync(file);
    const content = entry.isFile() ? fs.readFileSync(file).toString('latin1') : '';
    found[file] = JSON.stringify([mtimeMs, ctimeMs, size, mode, ino, content]);
  }
  const { mtimeMs, ctimeMs } = fs.statSync(directory);
  found['.'] = JSON.stringify([mtimeMs, ctimeMs]);
  return found;
}
