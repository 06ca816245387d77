// Hot path: an append or an acknowledgement changes numbers of the queue's last entry; an object is made per batch at most.

import type { ConnectionId } from './output.ts';
import type { DurablePacket } from './packet.ts';
import { zxidOf } from './zxid.ts';

/**
 * What the owner of the disk and of the sockets is told to do. It answers every durable act through {@link DurableState},
 * and only when all that it means (data, directory entries) is fsynced; never from within the call.
 */
export interface DurableActs {
  /** The log is to be written up to this txn (cumulative); {@link DurableState.durable} answers. */
  append(epoch: number, counter: number): void;
  storeAcceptedEpoch(epoch: number): void;
  storeCurrentEpoch(epoch: number): void;
  /**
   * Everything appended is durable by now, and nothing else is appended before {@link DurableState.historyReplaced}. Whatever says
   * how far the log is durable must be set back before that answer: the same zxids may be appended anew.
   */
  truncate(connection: ConnectionId, zxid: bigint): void;
  /** As {@link truncate}. The connection may be gone by now: then nothing is done, and that is answered. */
  receiveSnapshot(connection: ConnectionId, zxid: bigint): void;
  send(connection: ConnectionId, packet: DurablePacket): void;
  /** ACK of each of these txns of an epoch. */
  acknowledge(connection: ConnectionId, epoch: number, first: number, last: number): void;
}

const NOBODY = -1;

/** Txns in a row, of one epoch, with those of them that are to be acknowledged (none if connection is {@link NOBODY}). */
interface Appends {
  readonly kind: 'appends';
  readonly epoch: number;
  readonly first: number;
  last: number;
  connection: ConnectionId;
  acknowledgeFirst: number;
  acknowledgeLast: number;
}

interface Change {
  readonly kind: 'acceptedEpoch' | 'currentEpoch' | 'truncate' | 'snapshot';
  readonly connection: ConnectionId;
  /** An epoch, or a zxid. */
  readonly value: bigint;
  isBegun: boolean;
}

type Entry =
  | Appends
  | Change
  | { readonly kind: 'send'; connection: ConnectionId; readonly packet: DurablePacket }
  | {
      readonly kind: 'acknowledge';
      connection: ConnectionId;
      readonly epoch: number;
      readonly first: number;
      readonly last: number;
    };

/**
 * The only way to acceptedEpoch, currentEpoch and history on disk, and to packets that promise something about them:
 * one queue, in the order in which the core gave its outputs (ZabOutput). Appends are begun at once and follow each other
 * without waiting; any other change waits until everything before it is durable, and holds back what is behind it. A packet leaves
 * when everything before it is durable. So no acknowledgement is ahead of its fsync (ZOOKEEPER-3911, 4646), and
 * no epoch ahead of the history that it vouches for (ZOOKEEPER-4643).
 *
 * Used by the server and by the simulator alike. Throws when it is given what can never be right.
 */
export class DurableState {
  readonly #acts: DurableActs;
  readonly #queue: Entry[] = [];
  /** Changes in the queue, appends not counted. */
  #changes = 0;
  #acceptedEpoch: number;
  #currentEpoch: number;

  /** The epochs are those that recovery found. */
  constructor(acts: DurableActs, acceptedEpoch: number, currentEpoch: number) {
    this.#acts = acts;
    this.#acceptedEpoch = acceptedEpoch;
    this.#currentEpoch = currentEpoch;
  }

  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /** Hot path. The log goes on up to this txn: of a run of one epoch the last is enough. */
  append(epoch: number, counter: number): void {
    if (epoch > this.#currentEpoch) {
      throw new Error(`a txn of epoch ${epoch} cannot be logged in epoch ${this.#currentEpoch}`);
    }
    const last = counter >>> 0;
    const tail = this.#queue.at(-1);
    if (tail !== undefined && tail.kind === 'appends' && tail.epoch === epoch) {
      if (last <= tail.last) throw new Error(`txn 0x${hex(epoch, last)} was appended before`);
      tail.last = last;
    } else {
      const connection = NOBODY;
      this.#queue.push({
        kind: 'appends',
        epoch,
        first: last,
        last,
        connection,
        acknowledgeFirst: 0,
        acknowledgeLast: 0,
      });
    }
    if (this.#changes === 0) this.#acts.append(epoch, last);
  }

  storeAcceptedEpoch(epoch: number): void {
    if (epoch <= this.#acceptedEpoch) {
      throw new Error(`acceptedEpoch cannot become ${epoch}: it is ${this.#acceptedEpoch}`);
    }
    this.#acceptedEpoch = epoch;
    this.#change('acceptedEpoch', NOBODY, BigInt(epoch));
  }

  storeCurrentEpoch(epoch: number): void {
    if (epoch <= this.#currentEpoch || epoch > this.#acceptedEpoch) {
      throw new Error(
        `currentEpoch cannot become ${epoch}: it is ${this.#currentEpoch}, acceptedEpoch ${this.#acceptedEpoch}`,
      );
    }
    this.#currentEpoch = epoch;
    this.#change('currentEpoch', NOBODY, BigInt(epoch));
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.#change('truncate', connection, zxid);
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.#change('snapshot', connection, zxid);
  }

  /** The packet leaves when everything given so far is durable. */
  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void {
    this.#queue.push({ kind: 'send', connection, packet });
    this.#drain();
  }

  /** Hot path. The ACKs leave as the txns become durable; everything up to `last` was appended. */
  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void {
    const low = first >>> 0;
    const high = last >>> 0;
    const tail = this.#queue.at(-1);
    if (tail === undefined) {
      this.#acts.acknowledge(connection, this.#currentEpoch, low, high);
    } else if (tail.kind === 'appends' && high <= tail.last && continues(tail, connection, low)) {
      if (tail.connection !== connection) tail.acknowledgeFirst = low;
      tail.connection = connection;
      tail.acknowledgeLast = high;
    } else {
      this.#queue.push({
        kind: 'acknowledge',
        connection,
        epoch: this.#currentEpoch,
        first: low,
        last: high,
      });
    }
  }

  /** The connection is gone: nothing more is sent to it. */
  closed(connection: ConnectionId): void {
    for (const entry of this.#queue) {
      const isSend = entry.kind === 'appends' || entry.kind === 'send' || entry.kind === 'acknowledge';
      if (isSend && entry.connection === connection) entry.connection = NOBODY;
    }
  }

  /** Hot path. The log is durable up to there; of what was appended, nothing else counts. */
  durable(epoch: number, counter: number): void {
    const low = counter >>> 0;
    while (this.#queue.length > 0) {
      const head = this.#queue[0]!;
      if (head.kind !== 'appends' || epoch < head.epoch || (epoch === head.epoch && low < head.first)) return;
      const upTo = epoch > head.epoch ? head.last : Math.min(low, head.last);
      this.#acknowledge(head, upTo);
      if (upTo < head.last) return;
      this.#queue.shift();
      this.#drain();
    }
  }

  acceptedEpochStored(epoch: number): void {
    this.#done('acceptedEpoch', BigInt(epoch));
  }

  currentEpochStored(epoch: number): void {
    this.#done('currentEpoch', BigInt(epoch));
  }

  /** truncate or receiveSnapshot of this connection is over, whatever came of it. */
  historyReplaced(connection: ConnectionId): void {
    const head = this.#queue[0];
    if (
      head === undefined ||
      (head.kind !== 'truncate' && head.kind !== 'snapshot') ||
      head.connection !== connection
    ) {
      throw new Error(`no history was being replaced for connection ${connection}`);
    }
    this.#finish(head);
  }

  #change(kind: Change['kind'], connection: ConnectionId, value: bigint): void {
    this.#queue.push({ kind, connection, value, isBegun: false });
    this.#changes++;
    this.#drain();
  }

  #done(kind: Change['kind'], value: bigint): void {
    const head = this.#queue[0];
    if (head === undefined || head.kind !== kind || head.value !== value) {
      throw new Error(`${kind} ${value} was stored, but nobody waits for it`);
    }
    this.#finish(head);
  }

  #finish(head: Change): void {
    if (!head.isBegun) throw new Error(`${head.kind} ${head.value} is done, but was not begun`);
    this.#queue.shift();
    this.#changes--;
    this.#beginAppends();
    this.#drain();
  }

  /** What was held back by the change that is done now. */
  #beginAppends(): void {
    for (const entry of this.#queue) {
      if (entry.kind === 'appends') this.#acts.append(entry.epoch, entry.last);
      else if (entry.kind !== 'send' && entry.kind !== 'acknowledge') return;
    }
  }

  /** Sends what nothing holds back any more, and begins the change behind it. */
  #drain(): void {
    while (this.#queue.length > 0) {
      const head = this.#queue[0]!;
      if (head.kind === 'send') {
        if (head.connection !== NOBODY) this.#acts.send(head.connection, head.packet);
      } else if (head.kind === 'acknowledge') {
        if (head.connection !== NOBODY)
          this.#acts.acknowledge(head.connection, head.epoch, head.first, head.last);
      } else {
        if (head.kind !== 'appends') this.#begin(head);
        return;
      }
      this.#queue.shift();
    }
  }

  #begin(change: Change): void {
    if (change.isBegun) return;
    change.isBegun = true;
    switch (change.kind) {
      case 'acceptedEpoch':
        this.#acts.storeAcceptedEpoch(Number(change.value));
        break;
      case 'currentEpoch':
        this.#acts.storeCurrentEpoch(Number(change.value));
        break;
      case 'truncate':
        this.#acts.truncate(change.connection, change.value);
        break;
      case 'snapshot':
        this.#acts.receiveSnapshot(change.connection, change.value);
        break;
      default:
        throw new Error(`unknown change ${change.kind satisfies never}`);
    }
  }

  #acknowledge(appends: Appends, upTo: number): void {
    if (appends.connection === NOBODY || upTo < appends.acknowledgeFirst) return;
    const last = Math.min(upTo, appends.acknowledgeLast);
    if (last < appends.acknowledgeFirst) return;
    this.#acts.acknowledge(appends.connection, appends.epoch, appends.acknowledgeFirst, last);
    appends.acknowledgeFirst = last + 1;
  }
}

/** Whether ACKs from `first` on can go with these appends. */
function continues(appends: Appends, connection: ConnectionId, first: number): boolean {
  if (appends.connection === connection) return first === appends.acknowledgeLast + 1;
  return appends.connection === NOBODY && first >= appends.first;
}

function hex(epoch: number, counter: number): string {
  return zxidOf(epoch, counter).toString(16);
}
