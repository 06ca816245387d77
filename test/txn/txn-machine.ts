import { GrowingJuteWriter, JuteWriter } from '../../src/jute/writer.ts';
import type { Identity } from '../../src/protocol/acl.ts';
import { highWord, lowWord } from '../../src/protocol/long.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import type { DataTree } from '../../src/replica/data-tree.ts';
import type { ReplicaOptions } from '../../src/replica/memory.ts';
import { Database } from '../../src/server/database.ts';
import { TxnApplier, type TxnEffects } from '../../src/txn/apply.ts';
import { TreeDigest, znodeDigest } from '../../src/txn/digest.ts';
import { Prep, type PrepOptions } from '../../src/txn/prep.ts';
import type { PrepSession } from '../../src/txn/prep-request.ts';

/** How prep sees a session, in a form that tests can make. */
export interface TestSession extends PrepSession {
  readonly id: bigint;
}

export function newSession(id: bigint): TestSession {
  const idHigh = Number(BigInt.asIntN(32, id >> 32n));
  return { id, idHigh, idLow: Number(BigInt.asIntN(32, id)), isClosing: false };
}

/** A txn that prep made. */
export interface MadeTxn {
  readonly zxid: number;
  /** Prep's verdict: 0, or what the error txn carries. */
  readonly error: number;
  /** TxnHeader, txn and digest, as they would stand in the log. */
  readonly entry: Uint8Array;
  readonly admittedBytes: number;
  /** What prep hands to apply beside the entry; null for nothing. */
  readonly contentCrc: number | null;
}

export interface AppliedTxn {
  readonly error: number;
  readonly reply: Uint8Array;
}

export interface MachineOptions extends Partial<PrepOptions> {
  readonly replica?: Partial<ReplicaOptions>;
  /** The room that a txn may take. */
  readonly entryBytesMax?: number;
  /** Creations that the root has seen. */
  readonly rootCversion?: number;
}

const DEFAULTS: PrepOptions = {
  skipAcl: false,
  digestEnabled: true,
  closeSessionTxnEnabled: true,
  extendedTypesEnabled: false,
  reconfigEnabled: false,
};
const TIME_BASE = 1_700_000_000_000;

/** Prep and apply as main runs them, with the log between them: txns wait in it until the test applies them. */
export class TxnMachine {
  readonly database: Database;
  readonly prep: Prep;
  readonly applier: TxnApplier;
  /** Made and not yet applied. */
  readonly outstanding: MadeTxn[] = [];
  /** All that were made. */
  readonly log: MadeTxn[] = [];
  readonly sessions = new Map<bigint, number>();
  readonly changes: string[] = [];
  #zxid: number;
  readonly #entryBytesMax: number;
  readonly #epoch: number;

  constructor(options: MachineOptions = {}) {
    const all = { ...DEFAULTS, ...options };
    this.#entryBytesMax = options.entryBytesMax ?? 1 << 16;
    this.#epoch = 3;
    this.database = newDatabase(all);
    this.database.startEmpty();
    this.#zxid = 0;
    const { tree, ephemerals } = this.database;
    if (options.rootCversion !== undefined) setRootCversion(tree, options.rootCversion);
    this.prep = new Prep(tree, ephemerals, all);
    const effects: TxnEffects = {
      znodeChanged: (change, path, start, length) => {
        this.changes.push(`${change} ${Buffer.from(path.subarray(start, start + length))}`);
      },
      sessionCreated: (high, low, timeoutMs) => this.sessions.set(toId(high, low), timeoutMs),
      sessionClosed: (high, low) => this.sessions.delete(toId(high, low)),
    };
    this.applier = new TxnApplier(tree, ephemerals, effects, all);
  }

  get tree() {
    return this.database.tree;
  }

  /** Counter of the zxid given out last. */
  get zxid(): number {
    return this.#zxid;
  }

  get zxidHigh(): number {
    return this.#epoch;
  }

  /** Makes a txn of a request; it waits until {@link applyNext}. */
  make(
    opcode: number,
    session: TestSession,
    body: (writer: JuteWriter) => void,
    identities: readonly Identity[] = [],
    entryBytesMax = this.#entryBytesMax,
  ): MadeTxn {
    const request = new GrowingJuteWriter();
    request.writeInt(0x2f2f2f2f);
    const start = request.position;
    body(request);
    const bytes = request.written().slice();
    // In the middle of memory, as in the ring; what lies around must not be touched.
    const window = new Uint8Array(new SharedArrayBuffer(entryBytesMax + 64)).fill(0x5a);
    const writer = new JuteWriter(window);
    writer.reset(window, 32, 32 + entryBytesMax);
    const zxid = ++this.#zxid;
    const timeMs = timeOf(zxid);
    this.prep.prepare(
      {
        opcode,
        cxid: zxid * 3,
        session,
        identities,
        bytes,
        start,
        end: bytes.length,
        zxidHigh: this.#epoch,
        zxidLow: zxid,
        timeHigh: highWord(timeMs),
        timeLow: lowWord(timeMs),
      },
      writer,
    );
    if (writer.end !== 32 + entryBytesMax) throw new Error('prep left another window');
    for (let i = 0; i < 32; i++) {
      if (window[i] !== 0x5a || window[window.length - 1 - i] !== 0x5a)
        throw new Error('wrote outside its window');
    }
    const made: MadeTxn = {
      zxid,
      error: this.prep.error,
      entry: window.slice(32, writer.position),
      admittedBytes: this.prep.admittedBytes,
      contentCrc: this.prep.hasContentCrc ? this.prep.contentCrc : null,
    };
    this.outstanding.push(made);
    this.log.push(made);
    return made;
  }

  /** Applies the oldest txn that waits. */
  applyNext(): AppliedTxn {
    const txn = this.outstanding.shift();
    if (txn === undefined) throw new Error('nothing waits');
    const reply = new GrowingJuteWriter();
    const shared = new Uint8Array(new SharedArrayBuffer(txn.entry.length));
    shared.set(txn.entry);
    this.applier.contentCrc = txn.contentCrc ?? 0;
    this.applier.hasContentCrc = txn.contentCrc !== null;
    this.applier.apply(shared, 0, shared.length, reply);
    this.prep.applied(txn.zxid, txn.admittedBytes);
    return { error: this.applier.error, reply: reply.written().slice() };
  }

  applyAll(): void {
    while (this.outstanding.length > 0) this.applyNext();
  }

  /** Makes and applies; throws unless the txn succeeds. */
  run(opcode: number, session: TestSession, body: (writer: JuteWriter) => void): AppliedTxn {
    this.applyAll();
    const made = this.make(opcode, session, body);
    if (made.error !== 0) throw new Error(`txn ${made.zxid} failed with ${made.error}`);
    return this.applyNext();
  }

  openSession(id: bigint): TestSession {
    const session = newSession(id);
    this.make(OpCode.createSession, session, (writer) => writer.writeInt(30_000));
    return session;
  }
}

export function newDatabase(options: MachineOptions = {}): Database {
  return new Database(
    { memoryBytesMax: 8 << 20, readersMax: 2, hashSeed: 99, segmentBytes: 1 << 20, ...options.replica },
    { ...DEFAULTS, ...options },
  );
}

function setRootCversion(tree: DataTree, cversion: number): void {
  const { root } = tree;
  const digest = new TreeDigest();
  digest.set(tree.treeDigestHigh, tree.treeDigestLow);
  digest.subtract(tree.digest(root));
  tree.setCversion(root, cversion);
  tree.setDigest(root, znodeDigest(tree, root));
  digest.add(tree.digest(root));
  tree.setTreeDigest(digest.high, digest.low);
}

export function timeOf(zxid: number): number {
  return TIME_BASE + zxid * 7;
}

function toId(high: number, low: number): bigint {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
}
