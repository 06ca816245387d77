// Hot path while watches exist: an event costs the bytes of its notification; nothing while nobody watches.

import { JuteReader } from '../jute/reader.ts';
import { aclsAllow, readAcls } from '../protocol/acl.ts';
import { EventType, Permission, STATE_SYNC_CONNECTED, Xid } from '../protocol/opcode.ts';
import { lastSlash } from '../protocol/path.ts';
import type { DataTreeReader } from '../replica/data-tree-reader.ts';
import { ZnodeChange } from '../ring/record-kind.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ReplyWriter } from './reply-writer.ts';
import type { WatchTable } from './watch-table.ts';
import type { Watchers } from './watchers.ts';
import type { CounterValues } from './worker-counters.ts';

/** A change of a znode as it stands in a record of the commits ring: spans of `bytes`. */
export interface CommittedChange {
  change: ZnodeChange;
  zxidHigh: number;
  zxidLow: number;
  bytes: Uint8Array;
  pathStart: number;
  pathLength: number;
  /** The znode's ACL list; length 0: everyone may read. */
  aclStart: number;
  aclLength: number;
  parentAclStart: number;
  parentAclLength: number;
}

const ROOT = Uint8Array.of(0x2f);

/** Fires the watches that a committed change concerns (protocol/client.md §8). */
export class WatchEvents {
  readonly #tree: DataTreeReader;
  readonly #replies: ReplyWriter;
  readonly #dataWatches: WatchTable;
  readonly #childWatches: WatchTable;
  readonly #counters: CounterValues;
  readonly #aclReader = new JuteReader();

  constructor(
    tree: DataTreeReader,
    replies: ReplyWriter,
    dataWatches: WatchTable,
    childWatches: WatchTable,
    counters: CounterValues,
  ) {
    this.#tree = tree;
    this.#replies = replies;
    this.#dataWatches = dataWatches;
    this.#childWatches = childWatches;
    this.#counters = counters;
  }

  /** Looks the change up in both tables, in the order of the protocol, and notifies whoever watches and may read. */
  fire(change: CommittedChange): void {
    if (this.#dataWatches.size === 0 && this.#childWatches.size === 0) return;
    const { bytes, pathStart, pathLength } = change;
    const hash = this.#tree.hashPath(bytes, pathStart, pathLength);
    switch (change.change) {
      case ZnodeChange.created:
        this.#notifyAll(this.#dataWatches, hash, EventType.nodeCreated, change, null);
        this.#fireParent(change);
        break;
      case ZnodeChange.deleted: {
        const notified = this.#notifyAll(this.#dataWatches, hash, EventType.nodeDeleted, change, null);
        this.#notifyAll(this.#childWatches, hash, EventType.nodeDeleted, change, notified);
        this.#fireParent(change);
        break;
      }
      case ZnodeChange.dataChanged:
        this.#notifyAll(this.#dataWatches, hash, EventType.nodeDataChanged, change, null);
        break;
    }
  }

  /** Notifies those whom the change of the path concerns, but for those in `except`; gives them all. */
  #notifyAll(
    table: WatchTable,
    hash: number,
    eventType: EventType,
    change: CommittedChange,
    except: Watchers | null,
  ): Watchers | null {
    const { bytes, pathStart, pathLength } = change;
    const exact = table.take(hash, bytes, pathStart, pathLength);
    const watchers = table.recursive === 0 ? exact : this.#withAncestors(table, exact, change);
    if (watchers === null) return null;
    for (const connection of watchers.keys()) {
      if (except?.has(connection)) continue;
      if (!this.#mayRead(connection, bytes, change.aclStart, change.aclLength)) continue;
      this.notify(connection, eventType, bytes, pathStart, pathLength, change.zxidHigh, change.zxidLow);
    }
    return watchers;
  }

  /** `exact` and who watches an ancestor with all below it: each connection once, however many of its watches match. */
  #withAncestors(table: WatchTable, exact: Watchers | null, change: CommittedChange): Watchers {
    const { bytes, pathStart, pathLength } = change;
    const watchers = new Set(exact === null ? [] : exact.keys());
    let length = pathLength;
    while (length > 1) {
      length = lastSlash(bytes, pathStart, length) - pathStart;
      if (length <= 0) break;
      const hash = this.#tree.hashPath(bytes, pathStart, length);
      table.addRecursive(hash, bytes, pathStart, length, watchers);
    }
    if (pathLength > 1) table.addRecursive(this.#tree.hashPath(ROOT, 0, 1), ROOT, 0, 1, watchers);
    return watchers;
  }

  #fireParent(change: CommittedChange): void {
    if (this.#childWatches.size === 0) return;
    const parentLength = lastSlash(change.bytes, change.pathStart, change.pathLength) - change.pathStart;
    const path = parentLength === 0 ? ROOT : change.bytes;
    const start = parentLength === 0 ? 0 : change.pathStart;
    const length = parentLength === 0 ? 1 : parentLength;
    const watchers = this.#childWatches.take(this.#tree.hashPath(path, start, length), path, start, length);
    if (watchers === null) return;
    for (const connection of watchers.keys()) {
      if (!this.#mayRead(connection, change.bytes, change.parentAclStart, change.parentAclLength)) continue;
      this.notify(
        connection,
        EventType.nodeChildrenChanged,
        path,
        start,
        length,
        change.zxidHigh,
        change.zxidLow,
      );
    }
  }

  /** An event must not tell of a znode that its receiver may not read (CVE-2024-23944). */
  #mayRead(connection: ClientConnection, bytes: Uint8Array, start: number, length: number): boolean {
    if (length === 0) return true;
    this.#aclReader.reset(bytes, start, start + length);
    return aclsAllow(readAcls(this.#aclReader) ?? [], Permission.read, connection.identities);
  }

  /** Writes a notification to the connection; zxid -1 for the catch-up events of setWatches. */
  notify(
    connection: ClientConnection,
    eventType: EventType,
    path: Uint8Array,
    start: number,
    length: number,
    zxidHigh: number,
    zxidLow: number,
  ): void {
    this.#count(eventType);
    const body = 12 + length;
    const reply = this.#replies.head(connection, Xid.notification, zxidHigh, zxidLow, 0, body);
    const at = reply.position;
    reply.view.setInt32(at, eventType);
    reply.view.setInt32(at + 4, STATE_SYNC_CONNECTED);
    reply.view.setInt32(at + 8, length);
    reply.bytes.set(path.subarray(start, start + length), at + 12);
    reply.position = at + body;
  }

  #count(eventType: EventType): void {
    const counters = this.#counters;
    if (eventType === EventType.nodeCreated) counters.createdWatches++;
    else if (eventType === EventType.nodeDeleted) counters.deletedWatches++;
    else if (eventType === EventType.nodeDataChanged) counters.changedWatches++;
    else if (eventType === EventType.nodeChildrenChanged) counters.childrenWatches++;
  }
}
