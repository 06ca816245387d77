import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { EventType, OpCode } from '../../src/protocol/opcode.ts';
import { keyText } from './ledger.ts';
import { Violation } from './violation.ts';
import type { ZnodeHistory } from './znode-history.ts';

/** A watch that a client has set and not yet heard of. */
interface Watch {
  /** What happened up to here is known to the client: it was part of what it read. */
  sinceKey: number;
  /** Whether the znode was there. */
  readonly existed: boolean;
}

/**
 * A client's watches, and what it must hear of them: each fires once, and before the client sees anything of the txn that
 * fires it or of a later one. The rules are ZooKeeper's (protocol/client.md §8).
 */
export class WatchBook {
  readonly #client: string;
  readonly #znodes: ZnodeHistory;
  readonly #data = new Map<string, Watch>();
  readonly #children = new Map<string, Watch>();
  /** What was asked for again on a new connection, until that is answered; at which zxid. */
  #renewing: { readonly seenKey: number } | null = null;

  constructor(client: string, znodes: ZnodeHistory) {
    this.#client = client;
    this.#znodes = znodes;
  }

  get size(): number {
    return this.#data.size + this.#children.size;
  }

  clear(): void {
    this.#data.clear();
    this.#children.clear();
    this.#renewing = null;
  }

  /** A read that asked for a watch was answered. */
  added(opcode: number, path: string, zxidKey: number, error: number): void {
    if (opcode === OpCode.getChildren2) {
      if (error === ErrorCode.OK) this.#children.set(path, { sinceKey: zxidKey, existed: true });
    } else if (error === ErrorCode.OK || opcode === OpCode.exists) {
      this.#data.set(path, { sinceKey: zxidKey, existed: error === ErrorCode.OK });
    }
  }

  /** The request that sets all watches again, null when there are none. `seenKey`: the last zxid that the client has seen. */
  setWatchesBody(seenKey: number): Uint8Array | null {
    this.#renewing = null;
    if (this.size === 0) return null;
    this.#renewing = { seenKey };
    const writer = new GrowingJuteWriter();
    writer.writeLongWords(Math.floor(seenKey / 4294967296), seenKey | 0);
    const data = [...this.#data];
    const lists = [
      data.filter(([, { existed }]) => existed).map(([path]) => path),
      data.filter(([, { existed }]) => !existed).map(([path]) => path),
      [...this.#children.keys()],
    ];
    for (const paths of lists) {
      writer.writeInt(paths.length);
      for (const path of paths) writer.writeString(path);
    }
    return writer.written().slice();
  }

  /** The new server has all watches, as of this zxid: those that had something to tell have fired. */
  registered(zxidKey: number): void {
    const seenKey = this.#renewing?.seenKey ?? 0;
    this.#renewing = null;
    for (const [path, watch] of this.#data) {
      const { exists, mzxid } = this.#znodes.at(path, zxidKey);
      const isDue = watch.existed ? !exists || mzxid > seenKey : exists;
      if (isDue) throw this.#missed('data', path, zxidKey);
      watch.sinceKey = zxidKey;
    }
    for (const [path, watch] of this.#children) {
      const { exists, pzxid } = this.#znodes.at(path, zxidKey);
      if (!exists || pzxid > seenKey) throw this.#missed('children', path, zxidKey);
      watch.sinceKey = zxidKey;
    }
  }

  /** The client sees the state of this zxid: what fires up to there must have fired. */
  check(zxidKey: number): void {
    if (this.#renewing !== null) return;
    for (const [path, { sinceKey }] of this.#data) {
      if (this.#znodes.nextChange(path, 'data', sinceKey) <= zxidKey)
        throw this.#missed('data', path, zxidKey);
    }
    for (const [path, { sinceKey }] of this.#children) {
      if (this.#znodes.nextChange(path, 'children', sinceKey) <= zxidKey) {
        throw this.#missed('children', path, zxidKey);
      }
    }
  }

  /** An event came. `zxidKey` is negative for those that make up for what happened while nobody was connected. */
  fired(eventType: number, path: string, zxidKey: number): void {
    const isOfChildren = eventType === EventType.nodeChildrenChanged;
    const watch = (isOfChildren ? this.#children : this.#data).get(path);
    const other = eventType === EventType.nodeDeleted ? this.#children.get(path) : undefined;
    if (watch === undefined && other === undefined) {
      throw new Violation(
        'watches fire once',
        `${this.#client} gets event ${eventType} of ${path} at ${keyText(Math.max(0, zxidKey))} without a watch`,
      );
    }
    if (zxidKey >= 0) {
      this.#checkCause(watch, isOfChildren ? 'children' : 'data', path, zxidKey);
      this.#checkCause(other, 'children', path, zxidKey);
    }
    if (isOfChildren) this.#children.delete(path);
    else this.#data.delete(path);
    // Catching up, the two tables are gone through one after the other, and each tells.
    if (other !== undefined && (zxidKey >= 0 || watch === undefined)) this.#children.delete(path);
  }

  #checkCause(watch: Watch | undefined, kind: 'data' | 'children', path: string, zxidKey: number): void {
    if (watch === undefined) return;
    const causeKey = this.#znodes.nextChange(path, kind, watch.sinceKey);
    if (causeKey === zxidKey) return;
    const cause =
      causeKey > zxidKey ? 'nothing had happened' : `the first change was at ${keyText(causeKey)}`;
    throw new Violation(
      'watches fire once',
      `${this.#client} gets an event of ${path} at ${keyText(zxidKey)}: ${cause}`,
    );
  }

  #missed(kind: string, path: string, zxidKey: number): Violation {
    return new Violation(
      'watch before data',
      `${this.#client} sees ${keyText(zxidKey)} without the event of its ${kind} watch on ${path}`,
    );
  }
}
