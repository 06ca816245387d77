import { JuteWriter } from '../../src/jute/writer.ts';
import { highWord, lowWord } from '../../src/protocol/long.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import type { Database } from '../../src/server/database.ts';
import { LeaderSessions } from '../../src/session/leader-sessions.ts';
import { SessionTracker } from '../../src/session/session-tracker.ts';
import { Prep } from '../../src/txn/prep.ts';
import type { PrepSession } from '../../src/txn/prep-request.ts';
import type { ForwardedRequest } from './messages.ts';
import { SIM_TXN_OPTIONS } from './sim-database.ts';
import { ENTRY_BYTES_MAX } from './storage.ts';

const SESSIONS_MAX = 4096;

/** A txn that was just made. */
export interface PreparedTxn {
  readonly counter: number;
  readonly entry: Uint8Array;
  readonly admittedBytes: number;
}

/** What a server has while it leads and serves: prep and the sessions of the whole ensemble. */
export class LeaderRole {
  readonly epoch: number;
  readonly tracker: SessionTracker;
  readonly sessions: LeaderSessions;
  /** Syncs that are answered when this zxid's counter is committed; oldest first. */
  readonly syncs: { readonly counter: number; readonly answer: () => void }[] = [];
  /** The last zxid given out, in this epoch. */
  counter = 0;
  expiryCheckedMs: number;
  readonly #prep: Prep;
  readonly #writer = new JuteWriter(new Uint8Array(ENTRY_BYTES_MAX));

  /** The database holds all that is committed, which is all of the log. Every session gets its full timeout. */
  constructor(epoch: number, database: Database, tickTimeMs: number, nowMs: number) {
    this.epoch = epoch;
    this.expiryCheckedMs = nowMs;
    const touchTable = new Int32Array(SESSIONS_MAX);
    this.tracker = new SessionTracker({ tickTimeMs, sessionsMax: SESSIONS_MAX, touchTable }, nowMs);
    this.sessions = new LeaderSessions(this.tracker);
    for (const { idHigh, idLow, timeoutMs } of database.sessions.values()) {
      this.tracker.add(idHigh, idLow, timeoutMs, nowMs).isCommitted = true;
    }
    this.#prep = new Prep(database.tree, database.ephemerals, SIM_TXN_OPTIONS);
  }

  /** Makes the next txn, of a request that came through server `owner`. */
  prepare(request: ForwardedRequest, owner: number, nowMs: number, wallMs: number): PreparedTxn {
    this.counter++;
    const writer = this.#writer;
    writer.reset(writer.bytes, 0, writer.bytes.length);
    this.#prep.prepare(
      {
        opcode: request.opcode,
        cxid: request.cxid,
        session: this.#session(request, owner, nowMs),
        identities: [],
        bytes: request.body,
        start: 0,
        end: request.body.length,
        zxidHigh: this.epoch,
        zxidLow: this.counter | 0,
        timeHigh: highWord(wallMs),
        timeLow: lowWord(wallMs),
      },
      writer,
    );
    const entry = new Uint8Array(writer.bytes.subarray(0, writer.position));
    return { counter: this.counter, entry, admittedBytes: this.#prep.admittedBytes };
  }

  #session(request: ForwardedRequest, owner: number, nowMs: number): PrepSession {
    const { sessionHigh, sessionLow, opcode, body } = request;
    if (opcode !== OpCode.createSession) return this.sessions.requested(sessionHigh, sessionLow, owner);
    const timeoutMs = new DataView(body.buffer, body.byteOffset).getInt32(0);
    return this.sessions.created(sessionHigh, sessionLow, timeoutMs, owner, nowMs);
  }

  /** A txn of this epoch was applied. */
  applied(counter: number, admittedBytes: number): void {
    this.#prep.applied(counter | 0, admittedBytes);
  }

  sessionCreated(idHigh: number, idLow: number): void {
    const session = this.tracker.get(idHigh, idLow);
    if (session !== undefined) session.isCommitted = true;
  }

  sessionClosed(idHigh: number, idLow: number): void {
    const session = this.tracker.get(idHigh, idLow);
    if (session !== undefined) this.tracker.remove(session);
  }

  /** The sessions to be closed; if time stood still for this process, nobody's time is over yet. */
  expired(nowMs: number, tickTimeMs: number): PrepSession[] {
    const stoodStillMs = nowMs - this.expiryCheckedMs;
    this.expiryCheckedMs = nowMs;
    if (stoodStillMs > 2 * tickTimeMs) this.tracker.touchAll(nowMs);
    return this.tracker.takeExpired(nowMs).filter((session) => !session.isClosing);
  }

  takeSyncs(committedCounter: number): (() => void)[] {
    let count = 0;
    while (count < this.syncs.length && this.syncs[count].counter <= committedCounter) count++;
    return this.syncs.splice(0, count).map(({ answer }) => answer);
  }
}
