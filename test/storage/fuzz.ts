import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import zlib from 'node:zlib';
import { compressSync } from 'snappy';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { DataTree } from '../../src/replica/data-tree.ts';
import { createReplicaMemory } from '../../src/replica/memory.ts';
import { adler32 } from '../../src/storage/adler32.ts';
import { CorruptLogError } from '../../src/storage/corrupt-log-error.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { SnapshotError } from '../../src/storage/snapshot-error.ts';
import { readSnapshot } from '../../src/storage/snapshot-reader.ts';
import type { SnapshotCompression } from '../../src/storage/snapshot-source.ts';
import { TxnLogReader } from '../../src/storage/txn-log-reader.ts';
import { withFiles } from '../support/faulty-file-system.ts';
import { type Random, random } from '../support/random.ts';
import {
  addZnode,
  appendEntry,
  ignoreZnode,
  makeEntry,
  newLogWriter,
  newTree,
  serialiseAcl,
} from './support.ts';
import { snapshotTree } from './tree-snapshot.ts';

const ENTRY_BYTES_MAX = 1 << 16;
const FILE = '/fuzz/version-2/file';
/** An input of at most a few KiB that takes longer keeps a start from ending. */
const INPUT_MS_MAX = 5000;

/** What is read: a log, or a snapshot of some compression. */
export const DECODERS = ['log', 'none', 'gz', 'snappy'] as const;
export type Decoder = (typeof DECODERS)[number];

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** The number of the first input: a failing one is run again alone with it. */
  readonly first?: number;
  readonly decoders?: readonly Decoder[];
}

export interface FuzzReport {
  readonly inputs: number;
  /** How many inputs were read to their end, and how many refused. */
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
}

/**
 * Feeds damaged logs and snapshots to the readers. Half of the damage is done to the file as it lies on disk, half to
 * what its checksums cover, and the checksums are made right again: so both the checks and what lies behind them are
 * reached. A reader may read an input or refuse it with its own error; anything else throws, with seed and number.
 */
export function fuzz(options: FuzzOptions): FuzzReport {
  const { seed, inputs, first = 0, decoders = DECODERS } = options;
  const corpus = makeCorpus();
  let read = 0;
  let slowestMs = 0;
  for (let i = first; i < first + inputs; i++) {
    const draw = random(Math.imul(seed, 0x9e3779b1) + i);
    const decoder = decoders[i % decoders.length];
    let startedMs = performance.now();
    try {
      if (feed(decoder, damaged(corpus, decoder, draw))) read++;
    } catch (error) {
      throw new Error(
        `--seed ${seed} --first ${i} --inputs 1 --decoder ${decoder}: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
    let tookMs = performance.now() - startedMs;
    if (tookMs > INPUT_MS_MAX) {
      // Once more: it may have been the machine.
      startedMs = performance.now();
      feed(decoder, damaged(corpus, decoder, random(Math.imul(seed, 0x9e3779b1) + i)));
      tookMs = performance.now() - startedMs;
    }
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > INPUT_MS_MAX) throw new Error(`--seed ${seed} --first ${i} took ${Math.round(tookMs)} ms`);
  }
  return { inputs, read, refused: inputs - read, slowestMs };
}

/** Whether the reader took it. */
function feed(decoder: Decoder, content: Uint8Array): boolean {
  const fileSystem = withFiles(nodeFileSystem, new Map([[FILE, content]]));
  try {
    if (decoder === 'log') {
      const file = { path: FILE, name: 'log.1', zxidHigh: 0, zxidLow: 1 };
      const reader = new TxnLogReader({
        ...{ fileSystem, files: [file], fromHigh: 0, fromLow: 1, entryBytesMax: ENTRY_BYTES_MAX },
      });
      while (reader.next()) {
        if (reader.entryEnd > reader.bytes.length) throw new Error('an entry beyond the buffer');
      }
      reader.close();
    } else {
      readSnapshot({
        fileSystem,
        file: { path: FILE, compression: decoder },
        tree: emptyTree(),
        onSession: () => {},
        onZnode: ignoreZnode,
        computesDigests: true,
        entryBytesMax: ENTRY_BYTES_MAX,
      });
    }
    return true;
  } catch (error) {
    if (error instanceof SnapshotError || error instanceof CorruptLogError) return false;
    // Lengths within their limits may still ask for more than the small tree holds.
    if ((error as Error).name === 'ReplicaFullError') return false;
    throw error;
  }
}

const TREE_BYTES = 1 << 18;
const treeMemory = createReplicaMemory({
  ...{ memoryBytesMax: TREE_BYTES, readersMax: 1, hashSeed: 12345, segmentBytes: 1 << 17 },
});

/** Always the same memory, cleared: a million of them, each freed by whichever thread, would leave the heap in tatters. */
function emptyTree(): DataTree {
  const { header, buckets, segments } = treeMemory;
  for (const memory of [header, buckets, ...segments]) new Uint8Array(memory).fill(0);
  return new DataTree(treeMemory, TREE_BYTES);
}

interface Corpus {
  readonly log: Buffer;
  readonly snapshot: Buffer;
}

function makeCorpus(): Corpus {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'menagerie-fuzz-'));
  try {
    return { log: makeLog(directory), snapshot: makeSnapshot(directory) };
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function makeLog(directory: string): Buffer {
  const writer = newLogWriter(directory, { preallocationBytes: 4096 });
  for (let zxid = 1n; zxid <= 12n; zxid++) {
    const body = new GrowingJuteWriter();
    body.writeString(`/node-${zxid}`);
    body.writeBuffer(Buffer.alloc(Number(zxid) * 20, 65));
    appendEntry(writer, makeEntry({ zxid, type: 5, body: body.written() }), zxid);
  }
  writer.sync();
  const { path: file } = writer;
  writer.close();
  return fs.readFileSync(file);
}

function makeSnapshot(directory: string): Buffer {
  const tree = newTree();
  addZnode(tree, '/a', Buffer.from('hi'), serialiseAcl([[1, 'world', 'anyone']]), 2);
  addZnode(tree, '/a/b', null, serialiseAcl([[31, 'digest', 'bob:x']]), 3);
  addZnode(tree, '/a/b/\u00fc', Buffer.alloc(0), null, 4, 0x0100_0022_ffff_fffbn);
  addZnode(tree, '/c', Buffer.alloc(300, 7), null, 5);
  addZnode(tree, '/c/d', Buffer.from('below'), null, 5);
  const sessions = { idsHigh: Int32Array.of(1), idsLow: Int32Array.of(2), timeoutsMs: Int32Array.of(4000) };
  const { path: file } = snapshotTree(tree, directory, { sessions });
  return fs.readFileSync(file);
}

function damaged(corpus: Corpus, decoder: Decoder, draw: Random): Uint8Array {
  const reseals = draw.below(2) === 0;
  if (decoder === 'log') return reseals ? resealLog(mutate(corpus.log, draw)) : mutate(corpus.log, draw);
  if (reseals) return compressed(resealSnapshot(mutate(corpus.snapshot, draw)), decoder);
  return mutate(compressed(corpus.snapshot, decoder), draw);
}

/** Values that lengths and counts are likely to be mistreated with. */
const ODD_WORDS = [
  0,
  1,
  -1,
  -2,
  0x7fffffff,
  -0x80000000,
  ENTRY_BYTES_MAX,
  ENTRY_BYTES_MAX + 1,
  0x82534e41 | 0,
];

/** A few changes anywhere: bytes flipped, words set, pieces cut out, doubled or exchanged, the end cut off. */
function mutate(original: Uint8Array, draw: Random): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = 1 + draw.below(4); changes > 0 && bytes.length > 8; changes--) {
    const at = draw.below(bytes.length - 4);
    const other = draw.below(bytes.length);
    const length = draw.below(Math.min(64, bytes.length - at));
    switch (draw.below(6)) {
      case 0:
        bytes[at] ^= 1 << draw.below(8);
        break;
      case 1:
        bytes.writeInt32BE(ODD_WORDS[draw.below(ODD_WORDS.length)], at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 4:
        bytes.copyWithin(at, other, other + length);
        break;
      default:
        bytes = bytes.subarray(0, draw.below(4) === 0 ? at : bytes.length);
    }
  }
  return bytes;
}

/** Makes the checksum of every record right whose head still leads to it. */
function resealLog(bytes: Buffer): Buffer {
  let at = 16;
  while (at + 13 <= bytes.length) {
    const length = bytes.readInt32BE(at + 8);
    if (length <= 0 || at + 13 + length > bytes.length) break;
    bytes.writeInt32BE(0, at);
    bytes.writeUInt32BE(adler32(bytes, at + 12, at + 12 + length), at + 4);
    bytes[at + 12 + length] = 0x42;
    at += 13 + length;
  }
  return bytes;
}

/** Makes every checksum right that stands where a seal looks to be: eight bytes before an end mark. */
function resealSnapshot(bytes: Buffer): Buffer {
  const mark = Buffer.from([0, 0, 0, 1, 0x2f]);
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) {
    // The first mark ends the znodes; a seal follows behind it, others behind the sections.
    if (at < 13 || bytes.readInt32BE(at - 8) !== 0) continue;
    bytes.writeUInt32BE(adler32(bytes, 0, at - 8), at - 4);
  }
  return bytes;
}

function compressed(content: Uint8Array, compression: SnapshotCompression): Uint8Array {
  switch (compression) {
    case 'none':
      return content;
    case 'gz':
      return zlib.gzipSync(content, { level: 1 });
    case 'snappy': {
      const head = Buffer.from('82534e4150505900000000010000000100000000', 'hex');
      const block = compressSync(content);
      head.writeInt32BE(block.length, 16);
      return Buffer.concat([head, block]);
    }
  }
}

const SLICE_INPUTS = 2000;

const HELP = `Feeds damaged transaction logs and snapshots, plain and compressed, to the readers: each must be read or refused
with an error that says where it is damaged.

  node dist/test/storage/fuzz.js [--inputs N] [--seed N] [--first N] [--decoder NAME]

  --inputs N      how many (100000)
  --seed N        the seed of a run that is to be repeated (a new one)
  --first N       the number of the first input (0): a failure names seed and number
  --decoder NAME  one of ${DECODERS.join(', ')} (all in turn)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: `${Date.now() % 0x7fffffff}` },
      first: { type: 'string', default: '0' },
      decoder: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const decoders = DECODERS.filter((decoder) => values.decoder === undefined || decoder === values.decoder);
  if (decoders.length === 0) throw new Error(`--decoder ${values.decoder}: one of ${DECODERS.join(', ')}`);
  const seed = Number(values.seed);
  const inputs = Number(values.inputs);
  console.log(`seed ${seed}`);
  const total = { inputs: 0, read: 0, refused: 0, slowestMs: 0 };
  let reportedMs = performance.now();
  while (total.inputs < inputs) {
    const report = fuzz({
      ...{ seed, decoders, first: Number(values.first) + total.inputs },
      inputs: Math.min(SLICE_INPUTS, inputs - total.inputs),
    });
    total.inputs += report.inputs;
    total.read += report.read;
    total.refused += report.refused;
    total.slowestMs = Math.max(total.slowestMs, report.slowestMs);
    // Memory outside of the heap is freed between turns of the event loop.
    await setImmediate();
    if (performance.now() - reportedMs < 5000) continue;
    reportedMs = performance.now();
    const rssMb = Math.round(process.memoryUsage().rss / 1048576);
    console.log(`${total.inputs} of ${inputs} inputs, ${rssMb} MiB resident`);
  }
  console.log(total);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
