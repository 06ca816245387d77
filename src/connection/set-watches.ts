import type { JuteReader } from '../jute/reader.ts';
import { copyBytes } from '../jute/shared-copy.ts';
import { compareLongs } from '../protocol/long.ts';
import { EventType } from '../protocol/opcode.ts';
import { type DataTreeReader, NO_ZNODE } from '../replica/data-tree-reader.ts';
import type { ClientConnection } from './client-connection.ts';
import { WatchMode, type WatchTable } from './watch-table.ts';

/** Sends a watch event to the connection. */
export type NotifyWatch = (
  connection: ClientConnection,
  eventType: EventType,
  path: Uint8Array,
  start: number,
  length: number,
) => void;

/**
 * SetWatches and SetWatches2: a client that came back asks for its watches again. What changed since the zxid that it has
 * seen fires its one-shot watches at once, the rest is registered (protocol/client.md §8). Called under the reader lock.
 */
export class SetWatches {
  readonly #tree: DataTreeReader;
  readonly #dataWatches: WatchTable;
  readonly #childWatches: WatchTable;
  readonly #notify: NotifyWatch;

  constructor(tree: DataTreeReader, dataWatches: WatchTable, childWatches: WatchTable, notify: NotifyWatch) {
    this.#tree = tree;
    this.#dataWatches = dataWatches;
    this.#childWatches = childWatches;
    this.#notify = notify;
  }

  /**
   * Reads the request's body, with five lists (SetWatches2) or three, and carries it out. Throws JuteError when it is cut
   * short: nothing is registered then.
   */
  carryOut(connection: ClientConnection, reader: JuteReader, lists: 3 | 5): void {
    checkWhole(reader, lists);
    this.#oneShot(connection, reader);
    if (lists === 3) return;
    this.#eachPath(reader, (path, hash) => {
      this.#dataWatches.add(hash, path, 0, path.length, connection, WatchMode.persistent);
      this.#childWatches.add(hash, path, 0, path.length, connection, WatchMode.persistent);
    });
    this.#eachPath(reader, (path, hash) => {
      this.#dataWatches.add(hash, path, 0, path.length, connection, WatchMode.recursive);
    });
  }

  #oneShot(connection: ClientConnection, reader: JuteReader): void {
    const seenHigh = reader.readInt();
    const seenLow = reader.readInt();
    this.#eachPath(reader, (path, hash, ref) => {
      if (ref === NO_ZNODE) {
        this.#notify(connection, EventType.nodeDeleted, path, 0, path.length);
      } else if (isAfter(this.#tree.mzxidHigh(ref), this.#tree.mzxidLow(ref), seenHigh, seenLow)) {
        this.#notify(connection, EventType.nodeDataChanged, path, 0, path.length);
      } else {
        this.#dataWatches.add(hash, path, 0, path.length, connection);
      }
    });
    this.#eachPath(reader, (path, hash, ref) => {
      if (ref !== NO_ZNODE) this.#notify(connection, EventType.nodeCreated, path, 0, path.length);
      else this.#dataWatches.add(hash, path, 0, path.length, connection);
    });
    this.#eachPath(reader, (path, hash, ref) => {
      if (ref === NO_ZNODE) {
        this.#notify(connection, EventType.nodeDeleted, path, 0, path.length);
      } else if (isAfter(this.#tree.pzxidHigh(ref), this.#tree.pzxidLow(ref), seenHigh, seenLow)) {
        this.#notify(connection, EventType.nodeChildrenChanged, path, 0, path.length);
      } else {
        this.#childWatches.add(hash, path, 0, path.length, connection);
      }
    });
  }

  #eachPath(reader: JuteReader, visit: (path: Uint8Array, hash: number, ref: number) => void): void {
    const count = reader.readCount(4);
    for (let i = 0; i < count; i++) {
      const length = reader.readSpan();
      if (length <= 0) continue;
      const path = new Uint8Array(length);
      copyBytes(reader.bytes, reader.spanStart, path, 0, length);
      const hash = this.#tree.hashPath(path, 0, length);
      visit(path, hash, this.#tree.findHashed(hash, path, 0, length));
    }
  }
}

function isAfter(high: number, low: number, seenHigh: number, seenLow: number): boolean {
  return compareLongs(high, low, seenHigh, seenLow) > 0;
}

/** Walks over the whole body and comes back, so that a short one is refused before anything is done. */
function checkWhole(reader: JuteReader, lists: number): void {
  const start = reader.position;
  reader.skip(8);
  for (let list = 0; list < lists; list++) {
    const count = reader.readCount(4);
    for (let i = 0; i < count; i++) reader.readSpan();
  }
  reader.position = start;
}
