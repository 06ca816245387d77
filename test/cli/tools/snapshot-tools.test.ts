import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { SortedZnodes, type ZnodeSummary } from '../../../src/cli/tools/sorted-znodes.ts';
import {
  addZnode,
  newTree,
  serialiseAcl,
  temporaryDirectory,
  unpackApacheData,
} from '../../storage/support.ts';
import { snapshotTree } from '../../storage/tree-snapshot.ts';
import { apache, apacheToolsMissing } from '../../support/apache-tools.ts';
import { random } from '../../support/random.ts';
import { script, tool } from './support.ts';

const FORMATTER = 'zk-snapshot-toolkit';
const COMPARER = 'zk-snapshot-comparer';
const skip = apacheToolsMissing();
const OWNER = 0x0100_0022_ffff_fffbn;

type Compression = 'none' | 'gz' | 'snappy';

/** A snapshot of ours with all that a line can hold, four deep. */
function ownSnapshot(context: TestContext, compression: Compression): string {
  const tree = newTree();
  addZnode(tree, '/a', Buffer.from('hi'), serialiseAcl([[1, 'world', 'anyone']]), 2);
  addZnode(tree, '/a/"quoted"\\', null, null, 3, OWNER);
  addZnode(tree, '/a/\u00fc\u4e2d', Buffer.from([0, 255, 128]), null, 300);
  addZnode(tree, '/a/\u00fc\u4e2d/x', Buffer.alloc(40, 1), null, 4);
  addZnode(tree, '/a/\u00fc\u4e2d/x/y', null, null, 4);
  addZnode(tree, '/big', Buffer.alloc(100_000, 1), null, 4, OWNER);
  tree.setLastZxid(0, 9);
  return snapshotTree(tree, temporaryDirectory(context), {
    sessions: {
      idsHigh: Int32Array.of(0x01000022),
      idsLow: Int32Array.of(-5),
      timeoutsMs: Int32Array.of(10_000),
    },
    digestEnabled: false,
    compression,
  }).path;
}

function apacheSnapshot(context: TestContext, name: string): string {
  const directory = temporaryDirectory(context);
  unpackApacheData(directory);
  return path.join(directory, 'version-2', name);
}

/** The parts between dashes, in an order of their own: Apache prints children in that of its hash tables. */
function blocks(output: string): string[] {
  return output.split('----\n').sort();
}

test('snapshots are printed as Apache prints them', { skip }, (context) => {
  const runs: readonly (readonly [string, ...string[]])[] = [
    [apacheSnapshot(context, 'snapshot.1c')],
    [ownSnapshot(context, 'gz'), '-d'],
    [ownSnapshot(context, 'snappy')],
  ];
  for (const [file, ...options] of runs) {
    const ours = tool(FORMATTER, [...options, file]);
    const theirs = apache('SnapshotFormatter', [...options, file]);
    assert.deepEqual(blocks(ours.stdout), blocks(theirs.stdout), file);
    assert.equal(ours.stdout.split('\n')[0], theirs.stdout.split('\n')[0]);
    assert.deepEqual([ours.code, ours.stderr], [0, '']);
  }
});

interface JsonZnode {
  readonly name: string;
  readonly asize: number;
  readonly ino: number;
}
type JsonTree = readonly (JsonZnode | JsonTree)[];

/** Path, size by size; inodes are numbers in the order of the lines. */
function sizesOf(text: string): string[] {
  const found: string[] = [];
  const visit = (tree: JsonTree, above: string): void => {
    const [head, ...children] = tree as readonly [JsonZnode, ...JsonTree];
    const at = `${above}/${head.name}`;
    found.push(`${at} ${head.asize}`);
    for (const child of children) {
      if (Array.isArray(child)) visit(child as JsonTree, at);
      else found.push(`${at}/${(child as JsonZnode).name} ${(child as JsonZnode).asize}`);
    }
  };
  visit((JSON.parse(text) as readonly unknown[])[3] as JsonTree, '');
  return found.sort();
}

test('the tree as JSON is that of Apache', { skip }, (context) => {
  const file = apacheSnapshot(context, 'snapshot.1c');
  const ours = script('zkSnapShotToolkit.sh', ['-json', file]);
  const theirs = apache('SnapshotFormatter', ['-json', file]);
  assert.deepEqual(sizesOf(ours.stdout), sizesOf(theirs.stdout));
  const undated = (text: string) => text.replace(/"timestamp":\d+/, '').slice(0, 120);
  assert.equal(undated(ours.stdout), undated(theirs.stdout));
});

test('names that JSON must escape, and znodes of any depth', (context) => {
  assert.deepEqual(sizesOf(tool(FORMATTER, ['-json', ownSnapshot(context, 'none')]).stdout), [
    '// 0',
    '///a 2',
    '///a/"quoted"\\ 0',
    '///a/\u00fc\u4e2d 3',
    '///a/\u00fc\u4e2d/x 40',
    '///a/\u00fc\u4e2d/x/y 0',
    '///big 100000',
  ]);
});

test('of a damaged snapshot nothing is printed', (context) => {
  const file = ownSnapshot(context, 'none');
  const bytes = fs.readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  fs.writeFileSync(file, bytes);
  for (const option of ['-d', '-json']) {
    const { code, stdout, stderr } = tool(FORMATTER, [option, file]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /snapshot\.9: damaged at offset \d+: expected checksum/);
  }
});

test('arguments of the formatter that cannot be', () => {
  for (const args of [[], ['-q'], ['missing'], ['-d', '-json', 'missing']]) {
    const { code, stdout, stderr } = tool(FORMATTER, args);
    assert.deepEqual([code, stdout], [2, ''], `${args}`);
    assert.notEqual(stderr, '');
  }
});

/** How long something took is not compared. */
function untimed(output: string): string {
  return output.replace(/in [\d.]+ seconds/g, 'in some time');
}

test('snapshots are compared as Apache compares them', { skip }, (context) => {
  const left = apacheSnapshot(context, 'snapshot.1c');
  const right = ownSnapshot(context, 'none');
  const common = ['-l', left, '-r', right];
  const runs: readonly { readonly args: readonly string[]; readonly input?: string }[] = [
    { args: [...common, '-b', '2', '-n', '1'] },
    { args: ['--left', right, '--right', left, '--bytes', '0', '--nodes', '0', '--debug'] },
    {
      args: [...common, '-b', '0', '-n', '0', '-i'],
      input: '\n1\n4\n/a\n/multi\n/nothere\nfoo\n99\n-1\n\n2\n\n\n\n',
    },
  ];
  for (const { args, input = '' } of runs) {
    const ours = tool(COMPARER, args, { input });
    const theirs = apache('SnapshotComparer', args, { input });
    assert.equal(untimed(ours.stdout), untimed(theirs.stdout));
    assert.deepEqual([ours.code, ours.stderr], [0, '']);
  }
});

test('arguments of the comparer that cannot be, and snapshots that are not there', (context) => {
  const file = ownSnapshot(context, 'none');
  assert.equal(tool(COMPARER, ['-l', file]).code, 2);
  assert.match(
    tool(COMPARER, ['-l', file, '-r', file, '-b', 'x', '-n', '1']).stderr,
    /-b takes a whole number/,
  );
  const missing = script('zkSnapshotComparer.sh', ['-l', file, '-r', `${file}0`, '-b', '1', '-n', '1']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /snapshot\.90: no such file/);
  const ends = tool(COMPARER, ['-l', file, '-r', file, '-b', '1', '-n', '1', '-i'], { input: '' });
  assert.equal(ends.code, 0);
});

test('znodes sorted in parts are those sorted at once', (context) => {
  const draw = random(7);
  const parts = new SortedZnodes(20_000);
  const whole = new SortedZnodes();
  context.after(() => {
    parts.close();
    whole.close();
  });
  const seen = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    const depth = draw.below(5);
    const path = `/${'\u00e4b'.repeat(draw.below(9))}${draw.below(1 << 20).toString(36)}`;
    if (seen.has(path)) continue;
    seen.add(path);
    const summary: ZnodeSummary = { path, bytes: draw.below(1 << 30) * 4096, descendants: i };
    parts.add(depth, summary);
    whole.add(depth, summary);
  }
  parts.finish();
  whole.finish();
  assert.ok(parts.spilledRuns > 5, `${parts.spilledRuns} parts`);
  assert.equal(whole.spilledRuns, 0);
  assert.deepEqual(parts.counts, whole.counts);
  for (let depth = 0; depth < 6; depth++) {
    const rows = [...parts.depth(depth)];
    assert.deepEqual(rows, [...whole.depth(depth)]);
    assert.deepEqual(
      rows.map(({ path }) => path),
      rows.map(({ path }) => path).sort(),
    );
  }
});
