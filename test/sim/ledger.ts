import { JuteReader } from '../../src/jute/reader.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { OpCode, opName } from '../../src/protocol/opcode.ts';
import { TxnApplier } from '../../src/txn/apply.ts';
import { TxnHeader } from '../../src/txn/txn-layout.ts';
import { newDatabase, SIM_TXN_OPTIONS } from './sim-database.ts';
import { Violation } from './violation.ts';
import { ZnodeHistory } from './znode-history.ts';

/** A zxid as one number: exact, for the epochs of a run are few. */
export type ZxidKey = number;

export function keyOf(epoch: number, counter: number): ZxidKey {
  return epoch * 4294967296 + (counter >>> 0);
}

export function keyText(key: ZxidKey): string {
  return `${Math.floor(key / 4294967296)}.${key % 4294967296}`;
}

/** A txn that some leader has made. */
export interface LedgerTxn {
  readonly key: ZxidKey;
  readonly epoch: number;
  readonly counter: number;
  readonly entry: Uint8Array;
  /** The txn before it in its leader's log; null for the very first. */
  readonly previous: LedgerTxn | null;
  /** How many txns are before it. */
  readonly depth: number;
  readonly leader: number;
  readonly sessionId: string;
  readonly cxid: number;
  readonly type: number;
  readonly error: number;
  /** Tree digest after it; set when it is committed. */
  digest: string;
}

/** What a session's txns have come to. */
interface LedgerSession {
  lastCxid: number;
  isOpen: boolean;
}

/**
 * The truth: every txn that any leader made, and which of them were committed, by anybody's word. Whatever a server does is
 * compared with it. The committed txns must form one line; they are applied to a tree of the ledger's own, in order, and its
 * state at every zxid is what clients must read.
 */
export class Ledger {
  readonly znodes: ZnodeHistory;
  /** Committed, in order. */
  readonly chain: LedgerTxn[] = [];
  readonly leaders = new Map<number, number>();
  readonly sessions = new Map<string, LedgerSession>();
  readonly #txns = new Map<ZxidKey, LedgerTxn>();
  readonly #database = newDatabase();
  readonly #applier: TxnApplier;
  readonly #reader = new JuteReader();
  /** Whether a quorum of disks holds a txn for good. */
  readonly #isDurable: (txn: LedgerTxn) => boolean;

  constructor(isDurable: (txn: LedgerTxn) => boolean) {
    this.#isDurable = isDurable;
    const { tree, ephemerals } = this.#database;
    this.#database.startEmpty();
    this.znodes = new ZnodeHistory(tree);
    this.#applier = new TxnApplier(
      tree,
      ephemerals,
      {
        znodeChanged: (change, path, start, length) => this.znodes.changed(change, path, start, length),
        sessionCreated: (high, low, timeoutMs) => {
          this.#database.onSession(high, low, timeoutMs);
          this.sessions.set(sessionText(high, low), { lastCxid: 0, isOpen: true });
        },
        sessionClosed: (high, low) => {
          this.#database.sessions.delete(high, low);
          const session = this.sessions.get(sessionText(high, low));
          if (session !== undefined) session.isOpen = false;
        },
      },
      SIM_TXN_OPTIONS,
    );
  }

  get tail(): LedgerTxn | null {
    return this.chain.at(-1) ?? null;
  }

  get tailKey(): ZxidKey {
    return this.tail?.key ?? 0;
  }

  /** Number of sessions that are open as of the last committed txn. */
  get openSessions(): number {
    return this.#database.sessions.size;
  }

  get(key: ZxidKey): LedgerTxn | undefined {
    return this.#txns.get(key);
  }

  /** A server leads an epoch. */
  leads(sid: number, epoch: number): void {
    const other = this.leaders.get(epoch);
    if (other !== undefined && other !== sid) {
      throw new Violation('one leader per epoch', `servers ${other} and ${sid} both lead epoch ${epoch}`);
    }
    this.leaders.set(epoch, sid);
  }

  /** A leader has made a txn behind the last one of its log. */
  proposed(sid: number, epoch: number, counter: number, previousKey: ZxidKey, entry: Uint8Array): void {
    this.leads(sid, epoch);
    const key = keyOf(epoch, counter);
    if (this.#txns.has(key)) {
      throw new Violation('one leader per epoch', `server ${sid} made ${keyText(key)} a second time`);
    }
    const previous = this.#previous(sid, key, previousKey);
    const isNext = Math.floor(previousKey / 4294967296) === epoch ? key === previousKey + 1 : counter === 1;
    if (!isNext || key <= previousKey) {
      throw new Violation(
        'zxid continuity',
        `server ${sid} made ${keyText(key)} behind ${keyText(previousKey)}`,
      );
    }
    this.#txns.set(key, this.#parse(sid, epoch, counter, key, previous, entry));
  }

  #previous(sid: number, key: ZxidKey, previousKey: ZxidKey): LedgerTxn | null {
    if (previousKey === 0) return null;
    const previous = this.#txns.get(previousKey);
    if (previous === undefined) {
      throw new Violation(
        'history',
        `server ${sid} made ${keyText(key)} behind ${keyText(previousKey)}, which nobody made`,
      );
    }
    return previous;
  }

  #parse(
    leader: number,
    epoch: number,
    counter: number,
    key: ZxidKey,
    previous: LedgerTxn | null,
    entry: Uint8Array,
  ): LedgerTxn {
    const reader = this.#reader;
    reader.reset(entry, 0, entry.length);
    const sessionId = sessionText(reader.readInt(), reader.readInt());
    const cxid = reader.readInt();
    reader.skip(TxnHeader.type - TxnHeader.zxid);
    const type = reader.readInt();
    const error = type === OpCode.error ? reader.readInt() : ErrorCode.OK;
    const depth = previous === null ? 0 : previous.depth + 1;
    return { key, epoch, counter, entry, previous, depth, leader, sessionId, cxid, type, error, digest: '' };
  }

  /** Server `sid` takes everything up to this zxid for committed. */
  committed(sid: number, epoch: number, counter: number): void {
    const key = keyOf(epoch, counter);
    if (counter === 0 || key === 0) return;
    const txn = this.#txns.get(key);
    if (txn === undefined) {
      throw new Violation('identical prefix', `server ${sid} commits ${keyText(key)}, which nobody made`);
    }
    if (this.isCommitted(txn)) return;
    if (txn.depth < this.chain.length) throw this.#fork(sid, txn);
    const added: LedgerTxn[] = [];
    let at: LedgerTxn | null = txn;
    for (; at !== null && at.depth >= this.chain.length; at = at.previous) added.push(at);
    if (at !== this.tail) throw this.#fork(sid, txn);
    if (!this.#isDurable(txn)) {
      throw new Violation(
        'durable on a quorum',
        `server ${sid} commits ${keyText(key)}, which no quorum has on disk`,
      );
    }
    for (const next of added.reverse()) this.#commit(next);
  }

  isCommitted(txn: LedgerTxn): boolean {
    return this.chain[txn.depth] === txn;
  }

  /** Whether `ancestor` is `txn` or comes before it in its log. */
  holds(txn: LedgerTxn, ancestor: LedgerTxn): boolean {
    let at: LedgerTxn | null = txn;
    while (at !== null && at.depth > ancestor.depth) at = at.previous;
    return at === ancestor;
  }

  #fork(sid: number, txn: LedgerTxn): Violation {
    const other = this.chain[Math.min(txn.depth, this.chain.length - 1)];
    return new Violation(
      'identical prefix',
      `server ${sid} commits ${keyText(txn.key)}, whose log does not hold ${keyText(other.key)}, which was committed`,
    );
  }

  #commit(txn: LedgerTxn): void {
    this.#checkOnceAndInOrder(txn);
    this.chain.push(txn);
    this.#applier.apply(txn.entry, 0, txn.entry.length, null);
    const { tree } = this.#database;
    txn.digest = digestText(tree.treeDigestHigh, tree.treeDigestLow);
    this.znodes.record(txn.key);
    this.#checkEphemerals(txn);
  }

  /** Clients here never use a cxid twice, and use them in order. */
  #checkOnceAndInOrder(txn: LedgerTxn): void {
    const { cxid, error } = txn;
    if (cxid === 0 || error === ErrorCode.SESSIONMOVED || error === ErrorCode.SESSIONEXPIRED) return;
    const session = this.sessions.get(txn.sessionId);
    if (session === undefined) {
      throw new Violation('sessions', `${this.describe(txn)} is of a session that was never made`);
    }
    if (cxid <= session.lastCxid) {
      const what = cxid === session.lastCxid ? 'is done twice' : `comes after cxid ${session.lastCxid}`;
      throw new Violation('session order', `${this.describe(txn)} ${what}`);
    }
    session.lastCxid = cxid;
  }

  #checkEphemerals(txn: LedgerTxn): void {
    const { ephemerals, sessions } = this.#database;
    ephemerals.forEachOwner((high, low) => {
      if (sessions.get(high, low) !== undefined) return;
      throw new Violation(
        'ephemerals',
        `session ${sessionText(high, low)} has ephemerals after ${keyText(txn.key)} but is not open`,
      );
    });
  }

  /** A client was told that its write was done, as this txn. */
  acknowledged(client: string, sessionId: string, cxid: number, key: ZxidKey, error: number): void {
    const txn = this.#txns.get(key);
    if (txn === undefined || !this.isCommitted(txn)) {
      throw new Violation(
        'acknowledged writes',
        `${client}: cxid ${cxid} is acknowledged as ${keyText(key)}, which is not committed`,
      );
    }
    if (txn.sessionId !== sessionId || txn.cxid !== cxid || txn.error !== error) {
      throw new Violation(
        'acknowledged writes',
        `${client}: cxid ${cxid} of ${sessionId} is answered with ${error} as ${this.describe(txn)}`,
      );
    }
  }

  /** A server's replica is at this zxid, with this digest and so many sessions and ephemerals. */
  compare(sid: number, key: ZxidKey, digest: string): void {
    if (key === 0) return;
    const txn = this.#txns.get(key);
    if (txn === undefined || !this.isCommitted(txn)) {
      throw new Violation('identical prefix', `server ${sid} serves ${keyText(key)}, which is not committed`);
    }
    if (txn.digest !== digest) {
      throw new Violation(
        'identical digest',
        `server ${sid} has ${digest} at ${keyText(key)}, others ${txn.digest}`,
      );
    }
  }

  describe(txn: LedgerTxn): string {
    return `${keyText(txn.key)} (${opName(txn.type)}, session ${txn.sessionId}, cxid ${txn.cxid}, error ${txn.error})`;
  }
}

export function digestText(high: number, low: number): string {
  return `${high >>> 0}:${low >>> 0}`;
}

/** A session id, short enough for a trace: the server that made it, and the rest. */
export function sessionText(high: number, low: number): string {
  return `${(high >>> 24) & 0xff}-${((high & 0xffff) >>> 0).toString(16)}${(low >>> 0).toString(16).padStart(8, '0')}`;
}
