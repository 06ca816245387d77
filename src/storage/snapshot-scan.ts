// Goes through millions of znodes at start: no string, array or call back with objects per znode.

import { GrowingJuteWriter } from '../jute/writer.ts';
import type { FileSystem } from './file-system.ts';
import { FileWindow } from './file-window.ts';
import { SNAPPY_MAGIC } from './snappy-format.ts';
import {
  END_MARK_BYTES,
  isEndMark,
  SEAL_BYTES,
  SNAPSHOT_MAGIC,
  STAT_PERSISTED_BYTES,
  ZXID_DIGEST_BYTES,
} from './snapshot-format.ts';
import { SnapshotInput } from './snapshot-input.ts';
import { openSnapshotSource, type SnapshotFileName, type SnapshotSource } from './snapshot-source.ts';
import { FILE_HEADER_BYTES, LOG_VERSION } from './txn-log-format.ts';

const SESSION_BYTES = 12;
const PROGRESS_INTERVAL_MS = 1000;
const PROGRESS_ZNODES = 1024;
/** Keys are counted up from 1; beyond this a double no longer tells two apart. */
export const ACL_KEY_MAX = Number.MAX_SAFE_INTEGER;
const GZIP_MAGIC = Uint8Array.of(0x1f, 0x8b);

/** The tree digest that a snapshot holds: the tree must have it when it has reached that zxid. */
export interface ZxidDigest {
  readonly zxidHigh: number;
  readonly zxidLow: number;
  readonly version: number;
  readonly digestHigh: number;
  readonly digestLow: number;
}

/** Told of what is in a snapshot, in its order. May throw what {@link SnapshotInput.error} gives. */
export interface SnapshotSink {
  session(idHigh: number, idLow: number, timeoutMs: number): void;
  /** A list of the ACL map, as serialised vector<ACL>. */
  acl(key: number, serialised: Uint8Array): void;
  /**
   * A znode, by indices into `input.bytes`: its path ("" for the root, which is the first), its data (length -1 for
   * null), its ACL key and, behind that, its StatPersisted.
   */
  znode(
    input: SnapshotInput,
    pathAt: number,
    pathLength: number,
    dataAt: number,
    dataLength: number,
    keyAt: number,
  ): void;
  /** That was the last znode. */
  end(input: SnapshotInput): void;
}

export interface SnapshotScanOptions {
  readonly fileSystem: FileSystem;
  readonly file: SnapshotFileName;
  /** Called at least each second with file bytes read and in all. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** The longest path, data or ACL that can be: `jute.maxbuffer` + `jute.maxbuffer.extrasize`. */
  readonly entryBytesMax: number;
}

export interface ScannedSnapshot {
  readonly znodes: number;
  readonly sessions: number;
  /** Null when the file has none, or an empty one (zxid 0). */
  readonly digest: ZxidDigest | null;
  /** Which trailers the file has: they tell which server wrote it. */
  readonly hasDigest: boolean;
  readonly hasLastZxid: boolean;
}

/**
 * Reads a whole snapshot of any compression (disk.md §4) and hands out what is in it: structure, lengths and the
 * checksum of every seal are checked. Throws SnapshotError when the file is not a whole and undamaged snapshot.
 */
export function scanSnapshot(options: SnapshotScanOptions, sink: SnapshotSink): ScannedSnapshot {
  const source = openSnapshotSource(options.fileSystem, options.file);
  const input = new SnapshotInput(source, options.file.path);
  try {
    return new SnapshotScan(source, input, options, sink).run();
  } finally {
    input.close();
  }
}

/** Apache's quick look whether a snapshot may be whole: plain, its length and last bytes; compressed, its magic. */
export function looksComplete(fileSystem: FileSystem, file: SnapshotFileName): boolean {
  const window = new FileWindow(fileSystem, file.path);
  try {
    switch (file.compression) {
      case 'none':
        return endsWithMark(window);
      case 'gz':
        return beginsWith(window, GZIP_MAGIC);
      case 'snappy':
        return beginsWith(window, SNAPPY_MAGIC);
    }
  } finally {
    window.close();
  }
}

function endsWithMark(window: FileWindow): boolean {
  if (window.size < 2 * END_MARK_BYTES) return false;
  const at = window.load(window.size - END_MARK_BYTES, END_MARK_BYTES);
  return at >= 0 && isEndMark(window.view, at);
}

function beginsWith(window: FileWindow, magic: Uint8Array): boolean {
  const at = window.load(0, magic.length);
  return at >= 0 && magic.every((byte, i) => window.bytes[at + i] === byte);
}

class SnapshotScan {
  readonly #source: SnapshotSource;
  readonly #input: SnapshotInput;
  readonly #options: SnapshotScanOptions;
  readonly #sink: SnapshotSink;
  readonly #aclKeys = new Set<number>();
  #reportedMs = performance.now();
  #znodes = 0;

  constructor(
    source: SnapshotSource,
    input: SnapshotInput,
    options: SnapshotScanOptions,
    sink: SnapshotSink,
  ) {
    this.#source = source;
    this.#input = input;
    this.#options = options;
    this.#sink = sink;
  }

  run(): ScannedSnapshot {
    this.#header();
    const sessions = this.#sessions();
    this.#aclMap();
    while (this.#znode()) this.#progress();
    this.#sink.end(this.#input);
    this.#seal();
    return { znodes: this.#znodes, sessions, ...this.#trailer() };
  }

  #header(): void {
    const input = this.#input;
    const at = input.need(FILE_HEADER_BYTES);
    const magic = input.view.getUint32(at);
    if (magic !== SNAPSHOT_MAGIC) throw input.error('magic 5a4b534e ("ZKSN")', magic.toString(16));
    const version = input.view.getInt32(at + 4);
    if (version !== LOG_VERSION) throw input.error(`format version ${LOG_VERSION}`, `${version}`);
    input.take(FILE_HEADER_BYTES);
  }

  /** Nothing is allocated for a count: one that is too large runs into the end of the file. */
  #count(what: string): number {
    const input = this.#input;
    const count = input.view.getInt32(input.need(4));
    if (count < 0) throw input.error(`a count of ${what}`, `${count}`);
    input.take(4);
    return count;
  }

  #sessions(): number {
    const count = this.#count('sessions');
    for (let i = 0; i < count; i++) {
      const at = this.#input.take(SESSION_BYTES);
      const { view } = this.#input;
      this.#sink.session(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8));
    }
    return count;
  }

  #aclMap(): void {
    const input = this.#input;
    const count = this.#count('ACLs');
    for (let i = 0; i < count; i++) {
      const key = readAclKey(input.view, input.need(8));
      if (Math.abs(key) > ACL_KEY_MAX || key === -1 || this.#aclKeys.has(key)) {
        throw input.error('an ACL key of its own', `${key}`);
      }
      input.take(8);
      this.#aclKeys.add(key);
      this.#sink.acl(key, this.#serialisedAcl());
    }
  }

  /** One vector<ACL>, taken apart to find its end, as the bytes that it consists of. */
  #serialisedAcl(): Uint8Array {
    const input = this.#input;
    const writer = new GrowingJuteWriter(this.#options.entryBytesMax + 64);
    const count = this.#count('entries in an ACL');
    writer.writeInt(count);
    for (let i = 0; i < count; i++) {
      const permissions = input.takeInt();
      this.#checkAclBytes(writer.position + 4);
      writer.writeInt(permissions);
      for (const part of ['scheme', 'id']) {
        const length = this.#length(input.need(4), 0, `an ACL's ${part}`);
        const at = input.take(4 + length);
        this.#checkAclBytes(writer.position + 4 + length);
        writer.writeSpan(input.bytes, at + 4, length);
      }
    }
    return writer.written();
  }

  #checkAclBytes(bytes: number): void {
    const { entryBytesMax } = this.#options;
    if (bytes > entryBytesMax)
      throw this.#input.error(`an ACL of at most ${entryBytesMax} bytes`, 'a longer one');
  }

  /** The length at `at`, at least `least` and no longer than anything that a client could have sent. */
  #length(at: number, least: number, what: string): number {
    const length = this.#input.view.getInt32(at);
    if (length >= least && length <= this.#options.entryBytesMax) return length;
    throw this.#input.error(
      `a length of ${what} from ${least} to ${this.#options.entryBytesMax} (jute.maxbuffer and its extrasize)`,
      `${length}`,
    );
  }

  /** Hands out the next znode; false when the end mark came instead. */
  #znode(): boolean {
    const input = this.#input;
    const pathLength = this.#length(input.need(4), 0, 'a path');
    if (pathLength === 1) {
      if (!isEndMark(input.view, input.need(END_MARK_BYTES)))
        throw input.error('the end mark', 'another path');
      if (this.#znodes === 0) throw input.error('the root', 'the end mark');
      input.take(END_MARK_BYTES);
      return false;
    }
    if (this.#znodes === 0 && pathLength !== 0) throw input.error('the root first', 'another znode');
    const dataHead = 4 + pathLength;
    const headAt = input.need(dataHead + 4);
    const dataLength = this.#length(headAt + dataHead, -1, 'data');
    const keyHead = dataHead + 4 + Math.max(0, dataLength);
    const bytes = keyHead + 8 + STAT_PERSISTED_BYTES;
    const at = input.need(bytes);
    this.#sink.znode(input, at + 4, pathLength, at + dataHead + 4, dataLength, at + keyHead);
    input.take(bytes);
    this.#znodes++;
    return true;
  }

  #progress(): void {
    if (this.#znodes % PROGRESS_ZNODES !== 0 || this.#options.onProgress === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.#reportedMs < PROGRESS_INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    this.#options.onProgress(this.#source.fileBytesRead, this.#source.fileBytes);
  }

  #seal(): void {
    const input = this.#input;
    const expected = input.checksum();
    const at = input.need(SEAL_BYTES);
    const high = input.view.getUint32(at);
    const found = input.view.getUint32(at + 4);
    if (high !== 0 || found !== expected) {
      throw input.error(`checksum ${expected.toString(16)}`, found.toString(16));
    }
    if (!isEndMark(input.view, at + 8)) throw input.error('the end mark', 'other bytes');
    input.take(SEAL_BYTES);
  }

  /**
   * What comes behind the first seal is told by its length, not by this server's settings, which may differ from those
   * of the server that wrote it: Apache reads garbage then. Files of 3.5 and before end here.
   */
  #trailer(): Pick<ScannedSnapshot, 'digest' | 'hasDigest' | 'hasLastZxid'> {
    const input = this.#input;
    let digest: ZxidDigest | null = null;
    const hasDigest = input.has(8 + SEAL_BYTES + 1);
    if (hasDigest) {
      digest = this.#zxidDigest();
      this.#seal();
    }
    const hasLastZxid = input.has(1);
    if (hasLastZxid) {
      input.take(8);
      this.#seal();
    }
    if (input.has(1)) throw input.error('the end of the snapshot', 'more bytes');
    return { digest, hasDigest, hasLastZxid };
  }

  #zxidDigest(): ZxidDigest | null {
    const input = this.#input;
    const at = input.need(ZXID_DIGEST_BYTES);
    const { view } = input;
    const zxidHigh = view.getInt32(at);
    const zxidLow = view.getInt32(at + 4);
    const version = view.getInt32(at + 8);
    const digestHigh = view.getInt32(at + 12);
    const digestLow = view.getInt32(at + 16);
    if (version < 2) {
      // The first version was a text; it cannot be compared with what is computed today.
      input.take(12);
      input.take(4 + this.#length(input.need(4), 0, 'a digest'));
      return null;
    }
    input.take(ZXID_DIGEST_BYTES);
    return zxidHigh === 0 && zxidLow === 0 ? null : { zxidHigh, zxidLow, version, digestHigh, digestLow };
  }
}

/** The ACL key at `at` as a double: exact for every key that a scan lets pass. */
export function readAclKey(view: DataView, at: number): number {
  return view.getInt32(at) * 4294967296 + view.getUint32(at + 4);
}
