// The arrows between folders, as README's table of folders draws them, and what pure code may not use.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { sourcesDirectory } from './storage/support.ts';

const ROOT = path.dirname(sourcesDirectory());
/** Protocol and data structures: no input or output, no clock, no chance, nothing awaited. */
const PURE = ['jute', 'protocol', 'replica', 'txn', 'zab'];
/** Functions of their arguments all the same. */
const PURE_BUILT_INS = new Set(['node:zlib']);
const IMPURE =
  /\b(Date\.now|new Date\(\)|performance\.|Math\.random|process\.|set(Timeout|Interval|Immediate)\b|queueMicrotask|await |async |console\.)/;

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isType: boolean;
}

/** A source file's imports, of itself and from elsewhere. */
function importsOf(file: string): Import[] {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s([^;'"]*?\sfrom\s+)?'([^']+)';/gm);
  const dynamic = text.matchAll(/\bimport\('([^']+)'\)/g);
  return [
    ...[...statements].map(([, what = '', target]) => ({ file, target, isType: what.startsWith('type ') })),
    ...[...dynamic].map(([, target]) => ({ file, target, isType: false })),
  ];
}

function sourcesBelow(folder: string): string[] {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));
}

/** `zab` of `src/zab/vote.ts`, `workers` of anything there. */
function folderOf(file: string): string {
  const [top, next] = file.split(path.sep);
  return top === 'src' ? next : top;
}

/** What README's table says that each folder calls. */
function drawnArrows(): Map<string, string[]> {
  const readme = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const [, table] = readme.split('| folder | what is there | calls |\n| --- | --- | --- |\n');
  const arrows = new Map<string, string[]>();
  for (const row of table.split('\n\n', 1)[0].split('\n')) {
    const [, folders, , calls] = row.split(' | ').length === 3 ? ['', ...row.split(' | ')] : [];
    assert.ok(folders !== undefined && calls !== undefined, `a row of the table: ${row}`);
    for (const [, folder] of folders.matchAll(/`(?:src\/)?([a-z]+)`/g)) {
      arrows.set(folder, [...calls.matchAll(/[a-z]+/g)].flat());
    }
  }
  return arrows;
}

/** All that can be reached. */
function reachable(arrows: Map<string, string[]>, from: string): Set<string> {
  const reached = new Set<string>();
  const next = [from];
  for (let folder = next.pop(); folder !== undefined; folder = next.pop()) {
    for (const called of arrows.get(folder) ?? []) {
      if (reached.has(called)) continue;
      reached.add(called);
      next.push(called);
    }
  }
  return reached;
}

describe('architecture', () => {
  const arrows = drawnArrows();
  const files = [...sourcesBelow('src'), ...sourcesBelow('workers')];

  test('every folder is in the table, and the arrows go in one direction', () => {
    const folders = new Set(files.map(folderOf));
    for (const folder of folders) assert.ok(arrows.has(folder), folder);
    for (const folder of folders)
      assert.ok(!reachable(arrows, folder).has(folder), `${folder} calls itself by others`);
  });

  test('folders import only those that the table lets them call', () => {
    const wrong = files
      .flatMap(importsOf)
      .filter(({ file, target, isType }) => {
        if (!target.startsWith('.')) return false;
        const called = folderOf(path.join(path.dirname(file), target));
        // What a task is told and answers is declared with the task.
        if (called === 'workers' && isType) return false;
        return called !== folderOf(file) && !reachable(arrows, folderOf(file)).has(called);
      })
      .map(({ file, target }) => `${file}: ${target}`);
    assert.deepEqual(wrong, []);
  });

  test('pure folders have no files, sockets, clocks or chance', () => {
    const pure = files.filter((file) => PURE.includes(folderOf(file)));
    assert.ok(pure.length > 50);
    const imports = pure
      .flatMap(importsOf)
      .filter(({ target }) => !target.startsWith('.') && !PURE_BUILT_INS.has(target))
      .map(({ file, target }) => `${file}: ${target}`);
    const uses = pure.flatMap((file) =>
      fs
        .readFileSync(path.join(ROOT, file), 'utf8')
        .split('\n')
        .filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && IMPURE.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    assert.deepEqual([...imports, ...uses], []);
  });
});
