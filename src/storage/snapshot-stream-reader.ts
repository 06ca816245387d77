// Takes in millions of znodes: no string, array or view per znode.

import { END_MARK_BYTES, isEndMark, STAT_PERSISTED_BYTES } from './snapshot-format.ts';
import { SnapshotInput } from './snapshot-input.ts';
import { TreeLoader, type TreeLoaderOptions } from './snapshot-reader.ts';
import { ACL_KEY_MAX, readAclKey } from './snapshot-scan.ts';
import type { SnapshotSource } from './snapshot-source.ts';
import { STREAM_SIGNATURE } from './snapshot-stream.ts';

const SESSION_BYTES = 12;
/** long key, int count */
const ACL_HEAD_BYTES = 12;
const SIGNATURE = Buffer.from(STREAM_SIGNATURE);
/** More sessions than any ensemble has: each takes memory here before anything is known to be right. */
const SESSIONS_MAX = 2 ** 24;

export interface SnapshotStreamReaderOptions extends TreeLoaderOptions {
  /** Names the stream in errors. */
  readonly name: string;
  /** The longest path, data or ACL that can be: `jute.maxbuffer` + `jute.maxbuffer.extrasize`. */
  readonly entryBytesMax: number;
}

type Stage = 'sessions' | 'session' | 'acls' | 'acl' | 'znodes' | 'signature' | 'complete';

/**
 * Takes the tree that a leader sends behind SNAP (disk.md §4, steps 2 to 5, and the signature), in pieces of any length, into
 * an empty tree. Nothing in it is trusted: lengths are bounded before anything is kept, and structure and shape are
 * checked as those of a file. What has begun to come and is not whole yet waits in memory: one znode or ACL at most.
 */
export class SnapshotStreamReader {
  readonly #options: SnapshotStreamReaderOptions;
  readonly #source = new PushedSource();
  readonly #input: SnapshotInput;
  readonly #loader: TreeLoader;
  readonly #aclKeys = new Set<number>();
  #stage: Stage = 'sessions';
  /** Sessions or ACLs that are still to come. */
  #left = 0;
  #znodes = 0;
  /** How much of an ACL that is not whole yet is known to be sound, and how many entries follow. */
  #aclBytes = 0;
  #aclEntries = 0;
  /** What the list of ACLs may still take: all of it fits in the memory of whoever sends it. */
  #aclBytesLeft: number;
  #isClosed = false;

  constructor(options: SnapshotStreamReaderOptions) {
    this.#options = options;
    this.#input = new SnapshotInput(this.#source, options.name);
    this.#loader = new TreeLoader(options);
    this.#aclBytesLeft = options.tree.statistics().memoryBytesMax;
  }

  /** Whether the signature was read: the tree is whole. */
  get isComplete(): boolean {
    return this.#stage === 'complete';
  }

  get znodes(): number {
    return this.#znodes;
  }

  /** Bytes of the stream that were taken. */
  get bytes(): number {
    return this.#input.offset;
  }

  /**
   * Takes `bytes[start, end)`, under the writer's lock, and gives the index of the first byte that is not the tree's any
   * more: `end` unless the tree is complete. Throws SnapshotError for what cannot be a tree, and ReplicaFullError when it
   * does not fit; then the tree holds a part and must be thrown away.
   */
  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.#isClosed) throw new Error('the stream of the snapshot was closed');
    this.#source.push(bytes, start, end);
    try {
      while (this.#step());
    } catch (error) {
      this.close();
      throw error;
    }
    if (!this.isComplete) return end;
    const surplus = this.#source.pushedBytes - this.#input.offset;
    this.close();
    return end - surplus;
  }

  /** Gives memory back; to be called when the rest will not come. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#input.close();
  }

  /** Takes the next thing in the stream; false when it is not there yet, or nothing is to come. */
  #step(): boolean {
    switch (this.#stage) {
      case 'sessions':
        return this.#count('sessions', SESSIONS_MAX, 'session');
      case 'session':
        return this.#left > 0 ? this.#session() : this.#goOn('acls');
      case 'acls':
        return this.#count('ACLs', 0x7fffffff, 'acl');
      case 'acl':
        return this.#left > 0 ? this.#acl() : this.#goOn('znodes');
      case 'znodes':
        return this.#znode();
      case 'signature':
        return this.#signature();
      case 'complete':
        return false;
    }
  }

  #goOn(stage: Stage): true {
    this.#stage = stage;
    return true;
  }

  /** Nothing is allocated for a count: one that is too large waits for what never comes. */
  #count(what: string, most: number, next: Stage): boolean {
    const input = this.#input;
    if (!input.has(4)) return false;
    const count = input.view.getInt32(input.need(4));
    if (count < 0 || count > most) throw input.error(`a count of ${what} up to ${most}`, `${count}`);
    input.take(4);
    this.#left = count;
    return this.#goOn(next);
  }

  #session(): boolean {
    const input = this.#input;
    if (!input.has(SESSION_BYTES)) return false;
    const at = input.take(SESSION_BYTES);
    const { view } = input;
    this.#loader.session(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8));
    this.#left--;
    return true;
  }

  #acl(): boolean {
    const input = this.#input;
    if (this.#aclBytes === 0 && !this.#aclHead()) return false;
    while (this.#aclEntries > 0) {
      if (!this.#passAclEntry()) return false;
      this.#aclEntries--;
    }
    this.#aclBytesLeft -= this.#aclBytes;
    if (this.#aclBytesLeft < 0) throw input.error("ACLs that fit in this server's memory", 'more');
    const at = input.take(this.#aclBytes);
    const key = readAclKey(input.view, at);
    this.#loader.acl(key, input.bytes.slice(at + 8, at + this.#aclBytes));
    this.#aclBytes = 0;
    this.#left--;
    return true;
  }

  #aclHead(): boolean {
    const input = this.#input;
    if (!input.has(ACL_HEAD_BYTES)) return false;
    const at = input.need(ACL_HEAD_BYTES);
    const key = readAclKey(input.view, at);
    if (Math.abs(key) > ACL_KEY_MAX || key === -1 || this.#aclKeys.has(key)) {
      throw input.error('an ACL key of its own', `${key}`);
    }
    const count = input.view.getInt32(at + 8);
    if (count < 0) throw input.error('a count of entries in an ACL', `${count}`);
    this.#aclKeys.add(key);
    this.#aclEntries = count;
    this.#aclBytes = ACL_HEAD_BYTES;
    return true;
  }

  /** int permissions, ustring scheme, ustring id */
  #passAclEntry(): boolean {
    const input = this.#input;
    const { entryBytesMax } = this.#options;
    let bytes = this.#aclBytes + 4;
    for (const part of ['scheme', 'id']) {
      if (!input.has(bytes + 4)) return false;
      bytes += 4 + this.#length(input.need(bytes + 4) + bytes, 0, `an ACL's ${part}`);
      if (bytes - 8 > entryBytesMax)
        throw input.error(`an ACL of at most ${entryBytesMax} bytes`, 'a longer one');
    }
    if (!input.has(bytes)) return false;
    this.#aclBytes = bytes;
    return true;
  }

  #length(at: number, least: number, what: string): number {
    const { entryBytesMax } = this.#options;
    const length = this.#input.view.getInt32(at);
    if (length >= least && length <= entryBytesMax) return length;
    throw this.#input.error(
      `a length of ${what} from ${least} to ${entryBytesMax} (jute.maxbuffer and its extrasize)`,
      `${length}`,
    );
  }

  #znode(): boolean {
    const input = this.#input;
    if (!input.has(4)) return false;
    const pathLength = this.#length(input.need(4), 0, 'a path');
    if (pathLength === 1) return this.#endMark();
    if (this.#znodes === 0 && pathLength !== 0) throw input.error('the root first', 'another znode');
    const dataHead = 4 + pathLength;
    if (!input.has(dataHead + 4)) return false;
    const dataLength = this.#length(input.need(dataHead + 4) + dataHead, -1, 'data');
    const keyHead = dataHead + 4 + Math.max(0, dataLength);
    const bytes = keyHead + 8 + STAT_PERSISTED_BYTES;
    if (!input.has(bytes)) return false;
    const at = input.need(bytes);
    this.#loader.znode(input, at + 4, pathLength, at + dataHead + 4, dataLength, at + keyHead);
    input.take(bytes);
    this.#znodes++;
    return true;
  }

  #endMark(): boolean {
    const input = this.#input;
    if (!input.has(END_MARK_BYTES)) return false;
    if (!isEndMark(input.view, input.need(END_MARK_BYTES))) throw input.error('the end mark', 'another path');
    if (this.#znodes === 0) throw input.error('the root', 'the end mark');
    input.take(END_MARK_BYTES);
    this.#loader.end(input);
    return this.#goOn('signature');
  }

  #signature(): boolean {
    const input = this.#input;
    if (!input.has(4 + SIGNATURE.length)) return false;
    const at = input.need(4 + SIGNATURE.length);
    const found = Buffer.from(input.bytes.slice(at + 4, at + 4 + SIGNATURE.length));
    if (input.view.getInt32(at) !== SIGNATURE.length || !found.equals(SIGNATURE)) {
      throw input.error(`the signature ${STREAM_SIGNATURE}`, 'something else');
    }
    input.take(4 + SIGNATURE.length);
    return this.#goOn('complete');
  }
}

/** Gives the bytes that were pushed, and says that there are no more until more are. */
class PushedSource implements SnapshotSource {
  readonly fileBytes = 0;
  pushedBytes = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  get fileBytesRead(): number {
    return this.pushedBytes;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.pushedBytes += end - start;
  }

  read(target: Uint8Array, start: number, length: number): number {
    const count = Math.min(length, this.#end - this.#at);
    target.set(this.#bytes.subarray(this.#at, this.#at + count), start);
    this.#at += count;
    return count;
  }

  close(): void {
    this.#bytes = new Uint8Array(0);
  }
}
