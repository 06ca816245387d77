// Loads millions of znodes at start: no string or array per znode, paths and data go from the file's buffer into the tree.

import { GrowingJuteWriter } from '../jute/writer.ts';
import type { DataTree } from '../replica/data-tree.ts';
import { NO_ZNODE, OPEN_ACL } from '../replica/data-tree-reader.ts';
import type { FileSystem } from './file-system.ts';
import { FileWindow } from './file-window.ts';
import {
  END_MARK_BYTES,
  isEndMark,
  SEAL_BYTES,
  SNAPSHOT_MAGIC,
  STAT_PERSISTED_BYTES,
  ZXID_DIGEST_BYTES,
} from './snapshot-format.ts';
import { SnapshotInput } from './snapshot-input.ts';
import { FILE_HEADER_BYTES, LOG_VERSION } from './txn-log-format.ts';

const SLASH = 0x2f;
const SESSION_BYTES = 12;
const PROGRESS_INTERVAL_MS = 1000;
const PROGRESS_ZNODES = 1024;
/** Keys are counted up from 1; beyond this a double no longer tells two apart. */
const ACL_KEY_MAX = Number.MAX_SAFE_INTEGER;

/** The tree digest that a snapshot holds: the tree must have it when it has reached that zxid. */
export interface ZxidDigest {
  readonly zxidHigh: number;
  readonly zxidLow: number;
  readonly version: number;
  readonly digestHigh: number;
  readonly digestLow: number;
}

/**
 * Told of each znode after it is in the tree with all its fields: `bytes[pathStart, + pathLength)` is its path as in
 * the file ("" for the root), `bytes[dataStart, + dataLength)` its data (-1 for null). For node digests.
 */
export type OnZnode = (
  ref: number,
  bytes: Uint8Array,
  pathStart: number,
  pathLength: number,
  dataStart: number,
  dataLength: number,
) => void;

export interface SnapshotReaderOptions {
  readonly fileSystem: FileSystem;
  readonly path: string;
  /** A tree that holds nothing but its root. After an error it holds part of the snapshot: throw it away. */
  readonly tree: DataTree;
  readonly onSession: (idHigh: number, idLow: number, timeoutMs: number) => void;
  readonly onZnode?: OnZnode;
  /** Called at least each second with file bytes read and in all. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** The longest path, data or ACL that can be: `jute.maxbuffer` + `jute.maxbuffer.extrasize`. */
  readonly entryBytesMax: number;
}

export interface LoadedSnapshot {
  readonly znodes: number;
  readonly sessions: number;
  /** Null when the file has none, or an empty one (zxid 0). */
  readonly digest: ZxidDigest | null;
}

/**
 * Loads a snapshot into a fresh tree (disk.md §4): structure, lengths, each parent before its children, and the
 * checksum of every seal are checked. Throws SnapshotError when the file is not a whole and undamaged snapshot.
 */
export function readSnapshot(options: SnapshotReaderOptions): LoadedSnapshot {
  const input = new SnapshotInput(options.fileSystem, options.path);
  try {
    return new SnapshotLoad(input, options).run();
  } finally {
    input.close();
  }
}

/** Apache's quick look whether a snapshot was finished: long enough, and the end mark at its end. */
export function looksComplete(fileSystem: FileSystem, path: string): boolean {
  const window = new FileWindow(fileSystem, path);
  try {
    if (window.size < 2 * END_MARK_BYTES) return false;
    const at = window.load(window.size - END_MARK_BYTES, END_MARK_BYTES);
    return at >= 0 && isEndMark(window.view, at);
  } finally {
    window.close();
  }
}

class SnapshotLoad {
  readonly #input: SnapshotInput;
  readonly #options: SnapshotReaderOptions;
  readonly #tree: DataTree;
  /** The serialised ACL of each key in the file. */
  readonly #acls = new Map<number, Uint8Array>();
  #reportedMs = performance.now();
  #znodes = 0;

  constructor(input: SnapshotInput, options: SnapshotReaderOptions) {
    this.#input = input;
    this.#options = options;
    this.#tree = options.tree;
  }

  run(): LoadedSnapshot {
    this.#header();
    const sessions = this.#sessions();
    this.#aclMap();
    while (this.#znode()) this.#progress();
    this.#seal();
    return { znodes: this.#znodes, sessions, digest: this.#trailer() };
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

  #count(what: string, itemBytesMin: number): number {
    const input = this.#input;
    const count = input.view.getInt32(input.need(4));
    if (count < 0 || count * itemBytesMin > input.remaining)
      throw input.error(`a count of ${what}`, `${count}`);
    input.take(4);
    return count;
  }

  #sessions(): number {
    const count = this.#count('sessions', SESSION_BYTES);
    for (let i = 0; i < count; i++) {
      const at = this.#input.take(SESSION_BYTES);
      const { view } = this.#input;
      this.#options.onSession(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8));
    }
    return count;
  }

  #aclMap(): void {
    const input = this.#input;
    const count = this.#count('ACLs', 12);
    for (let i = 0; i < count; i++) {
      const at = input.need(8);
      const key = readKey(input.view, at);
      if (Math.abs(key) > ACL_KEY_MAX || key === -1 || this.#acls.has(key)) {
        throw input.error('an ACL key of its own', `${key}`);
      }
      input.take(8);
      this.#acls.set(key, this.#serialisedAcl());
    }
  }

  /** One vector<ACL>, taken apart to find its end, as the bytes that it consists of. */
  #serialisedAcl(): Uint8Array {
    const input = this.#input;
    const writer = new GrowingJuteWriter(this.#options.entryBytesMax + 64);
    const count = this.#count('entries in an ACL', 12);
    writer.writeInt(count);
    for (let i = 0; i < count; i++) {
      writer.writeInt(input.takeInt());
      for (const part of ['scheme', 'id']) {
        const length = this.#length(input.need(4), 0, `an ACL's ${part}`);
        const at = input.take(4 + length);
        if (writer.position + 4 + length > this.#options.entryBytesMax) {
          throw input.error(`an ACL of at most ${this.#options.entryBytesMax} bytes`, 'a longer one');
        }
        writer.writeSpan(input.bytes, at + 4, length);
      }
    }
    return writer.written();
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

  /** Loads the next znode; false when the end mark came instead. */
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
    const dataHead = 4 + pathLength;
    const headAt = input.need(dataHead + 4);
    const dataLength = this.#length(headAt + dataHead, -1, 'data');
    const keyHead = dataHead + 4 + Math.max(0, dataLength);
    const bytes = keyHead + 8 + STAT_PERSISTED_BYTES;
    const at = input.need(bytes);
    const ref = this.#insert(at + 4, pathLength, at + dataHead + 4, dataLength, at + keyHead);
    this.#options.onZnode?.(ref, input.bytes, at + 4, pathLength, at + dataHead + 4, dataLength);
    input.take(bytes);
    this.#znodes++;
    return true;
  }

  #insert(
    pathStart: number,
    pathLength: number,
    dataStart: number,
    dataLength: number,
    keyAt: number,
  ): number {
    const { view, bytes } = this.#input;
    const tree = this.#tree;
    const aclRef = this.#aclRef(readKey(view, keyAt));
    const statAt = keyAt + 8;
    let ref: number;
    if (this.#znodes === 0) {
      if (pathLength !== 0) throw this.#input.error('the root first', 'another znode');
      ref = tree.root;
      tree.setData(ref, bytes, dataStart, dataLength);
      tree.setAcl(ref, aclRef);
    } else {
      ref = this.#create(pathStart, pathLength, dataStart, dataLength, aclRef, statAt);
    }
    tree.loadStatPersisted(ref, view, statAt);
    return ref;
  }

  #create(
    pathStart: number,
    pathLength: number,
    dataStart: number,
    dataLength: number,
    aclRef: number,
    statAt: number,
  ): number {
    const { view, bytes } = this.#input;
    const tree = this.#tree;
    const end = pathStart + pathLength;
    let nameStart = end;
    while (nameStart > pathStart && bytes[nameStart - 1] !== SLASH) nameStart--;
    if (nameStart === pathStart || nameStart === end) throw this.#input.error('an absolute path', 'another');
    const parent = tree.find(bytes, pathStart, nameStart - 1 - pathStart);
    if (parent === NO_ZNODE)
      throw this.#input.error('a parent before its children', this.#text(pathStart, end));
    const hash = tree.hashPath(bytes, pathStart, pathLength);
    if (tree.findHashed(hash, bytes, pathStart, pathLength) !== NO_ZNODE) {
      throw this.#input.error('each path once', this.#text(pathStart, end));
    }
    const ownerHigh = view.getInt32(statAt + 44);
    const ownerLow = view.getInt32(statAt + 48);
    const nameLength = end - nameStart;
    return tree.createZnode(
      parent,
      bytes,
      nameStart,
      nameLength,
      hash,
      bytes,
      dataStart,
      dataLength,
      aclRef,
      ownerHigh,
      ownerLow,
      0,
      0,
      0,
      0,
    );
  }

  #text(start: number, end: number): string {
    return Buffer.from(this.#input.bytes.subarray(start, Math.min(end, start + 200))).toString('utf8');
  }

  /** One reference of the ACL with this key, for the znode to take over. */
  #aclRef(key: number): number {
    if (key === -1) return OPEN_ACL;
    const acl = this.#acls.get(key);
    if (acl === undefined) throw this.#input.error("a key of the snapshot's ACLs", `${key}`);
    return this.#tree.internAcl(acl, 0, acl.length);
  }

  #progress(): void {
    if (this.#znodes % PROGRESS_ZNODES !== 0 || this.#options.onProgress === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.#reportedMs < PROGRESS_INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    this.#options.onProgress(this.#input.offset, this.#input.size);
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
   * of the server that wrote it: Apache reads garbage then.
   */
  #trailer(): ZxidDigest | null {
    const input = this.#input;
    let digest: ZxidDigest | null = null;
    if (input.remaining > 8 + SEAL_BYTES) {
      digest = this.#zxidDigest();
      this.#seal();
    }
    if (input.remaining > 0) {
      input.take(8);
      this.#seal();
    }
    if (input.remaining > 0) throw input.error('the end of the file', `${input.remaining} more bytes`);
    return digest;
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

/** A long as a double: exact for every key that {@link ACL_KEY_MAX} lets pass. */
function readKey(view: DataView, at: number): number {
  return view.getInt32(at) * 4294967296 + view.getUint32(at + 4);
}
