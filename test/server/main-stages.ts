import { ByteBuffer } from 'flatbuffers';
import { RequestForwarder } from '../../src/connection/request-forwarder.ts';
import { GrowingJuteWriter, type JuteWriter } from '../../src/jute/writer.ts';
import { type Identity, writeIdentities } from '../../src/protocol/acl.ts';
import { WriterLock } from '../../src/replica/lock.ts';
import { createDoorbellMemory } from '../../src/ring/doorbell.ts';
import { CommitHead, LogHead } from '../../src/ring/generated/records.ts';
import { COMMIT_HEAD_BYTES, CommitKind, LogKind, RequestKind } from '../../src/ring/record-kind.ts';
import { createRingMemory, RingConsumer } from '../../src/ring/ring.ts';
import { ClientSessions } from '../../src/server/client-sessions.ts';
import { CommitPublisher } from '../../src/server/commit-publisher.ts';
import { CommitStage } from '../../src/server/commit-stage.ts';
import { ConnectionThrottle } from '../../src/server/connection-throttle.ts';
import { EphemeralListing } from '../../src/server/ephemeral-listing.ts';
import { LeaderRequests } from '../../src/server/leader-requests.ts';
import { type LocalSessionRules, NO_LOCAL_SESSIONS } from '../../src/server/local-sessions.ts';
import { LogAppender } from '../../src/server/log-appender.ts';
import { MainCounters } from '../../src/server/main-counters.ts';
import { RequestIntake } from '../../src/server/request-intake.ts';
import { LeaderSessions } from '../../src/session/leader-sessions.ts';
import { SessionIds } from '../../src/session/session-ids.ts';
import { SessionTracker } from '../../src/session/session-tracker.ts';
import { LogConsumer } from '../../src/storage/log-worker-data.ts';
import { Prep } from '../../src/txn/prep.ts';
import { Quotas } from '../../src/txn/quotas.ts';
import { Zxid } from '../../src/zab/zxid.ts';
import { fakeConnection } from '../connection/fake-connection.ts';
import { newDatabase } from '../txn/txn-machine.ts';

/** What main told the workers. */
export type Announcement =
  | { kind: 'event'; change: number; path: string; zxid: number; listsAcls: boolean }
  | { kind: 'reply'; connection: number; xid: number; zxid: number; error: number; body: Buffer }
  | { kind: 'settled'; connection: number; session: bigint; timeoutMs: number; slot: number }
  | { kind: 'close'; connection: number };

const OPTIONS = {
  skipAcl: false,
  digestEnabled: true,
  closeSessionTxnEnabled: true,
  extendedTypesEnabled: false,
  reconfigEnabled: false,
};

const UNTHROTTLED = {
  ...{ tokens: 0, fillTimeMs: 1, fillCount: 1, freezeTimeMs: -1, dropIncrease: 0, dropDecrease: 0 },
  ...{ decreaseRatio: 0, newSessionTokens: 1, renewedSessionTokens: 1 },
};

export interface MainStagesOptions {
  readonly sessionsMax?: number;
  readonly isMember?: boolean;
  readonly logRingBytes?: number;
  readonly entryBytesMax?: number;
  readonly localSessions?: LocalSessionRules;
  readonly lastZxid?: readonly [number, number];
}

/** Main's stages in one thread with the test at all their ends: it is the only worker, and the log. */
export class MainStages {
  readonly database = newDatabase();
  readonly tracker: SessionTracker;
  readonly sessions: ClientSessions;
  readonly intake: RequestIntake;
  readonly requests: LeaderRequests;
  readonly appender: LogAppender;
  readonly commits: CommitStage;
  readonly publisher: CommitPublisher;
  readonly complaints: string[] = [];
  readonly watchCounts = new Int32Array(1);
  readonly #forwarder: RequestForwarder;
  readonly #log: RingConsumer;
  readonly #commitRing: RingConsumer;
  readonly #committed: Zxid;

  constructor(options: MainStagesOptions = {}) {
    const { sessionsMax = 10, lastZxid = [0, 0] } = options;
    this.database.startEmpty();
    const { tree, ephemerals } = this.database;
    tree.setLastZxid(...lastZxid);
    const requests = createRingMemory(1 << 16, 1);
    const log = createRingMemory(options.logRingBytes ?? 1 << 16, 2);
    const commitRing = createRingMemory(1 << 16, 1);
    const touchTable = new Int32Array(sessionsMax);
    this.tracker = new SessionTracker({ tickTimeMs: 100, sessionsMax, touchTable }, 0);
    this.publisher = new CommitPublisher(commitRing, [createDoorbellMemory()]);
    const complain = (problem: string) => this.complaints.push(problem);
    this.sessions = new ClientSessions({
      tracker: this.tracker,
      ids: new SessionIds(1, 1_700_000_000_000),
      publisher: this.publisher,
      workers: 1,
      complain,
    });
    const counters = new MainCounters();
    const prep = new Prep(tree, ephemerals, OPTIONS);
    const entryBytesMax = options.entryBytesMax ?? 4096;
    this.appender = new LogAppender(log, createDoorbellMemory(), prep, new Zxid(...lastZxid), entryBytesMax);
    this.requests = new LeaderRequests({
      sid: 1,
      isMember: options.isMember ?? false,
      appender: this.appender,
      publisher: this.publisher,
      sessions: this.sessions,
      owners: new LeaderSessions(this.tracker),
      counters,
      localSessions: options.localSessions ?? NO_LOCAL_SESSIONS,
      complain,
      publish: () => this.appender.publish(),
    });
    this.intake = new RequestIntake({
      requests: [requests],
      publisher: this.publisher,
      sessions: this.sessions,
      counters,
      throttle: new ConnectionThrottle(UNTHROTTLED, 0, () => 0),
      complain,
    });
    this.intake.handler = this.requests;
    this.commits = new CommitStage({
      log,
      tree,
      lock: new WriterLock(tree.memory),
      ephemerals,
      quotas: new Quotas(tree),
      prep,
      publisher: this.publisher,
      sessions: this.sessions,
      digests: this.database.digests,
      counters,
      ephemeralListing: new EphemeralListing(tree, ephemerals, entryBytesMax),
      watchCounts: this.watchCounts,
      options: OPTIONS,
    });
    this.#forwarder = new RequestForwarder(requests, createDoorbellMemory());
    this.#log = new RingConsumer(log, LogConsumer.writer);
    this.#commitRing = new RingConsumer(commitRing, 0);
    this.#committed = new Zxid(...lastZxid);
  }

  // ── as a worker ──

  #forward(
    kind: RequestKind,
    id: number,
    session: bigint,
    xid: number,
    opcode: number,
    timeoutMs: number,
    payload: Uint8Array,
  ) {
    const { connection } = fakeConnection();
    Object.defineProperty(connection, 'id', { value: id });
    connection.sessionHigh = Number(BigInt.asIntN(32, session >> 32n));
    connection.sessionLow = Number(BigInt.asIntN(32, session));
    const bytes = Buffer.concat([Buffer.from('..'), payload]);
    const forwarded = this.#forwarder.forward(
      kind,
      connection,
      xid,
      opcode,
      timeoutMs,
      bytes,
      2,
      payload.length,
    );
    if (!forwarded) throw new Error('the requests ring is full');
    this.#forwarder.publish();
  }

  connect(id: number, session = 0n, timeoutMs = 1000, identities: readonly Identity[] = []): void {
    const writer = new GrowingJuteWriter();
    writeIdentities(writer, identities);
    const kind = session === 0n ? RequestKind.openSession : RequestKind.attachSession;
    this.#forward(kind, id, session, 0, 0, timeoutMs, writer.written());
  }

  connectWithWrongPassword(id: number, session: bigint): void {
    this.#forward(RequestKind.refuseAttach, id, session, 0, 0, 1000, new Uint8Array(4));
  }

  disconnect(id: number): void {
    this.#forward(RequestKind.connectionClosed, id, 0n, 0, 0, 0, new Uint8Array(0));
  }

  authenticate(id: number, identities: readonly Identity[]): void {
    const writer = new GrowingJuteWriter();
    writeIdentities(writer, identities);
    this.#forward(RequestKind.identities, id, 0n, 0, 0, 0, writer.written());
  }

  request(id: number, xid: number, opcode: number, body: (writer: JuteWriter) => void = () => {}): void {
    const writer = new GrowingJuteWriter();
    body(writer);
    this.#forward(RequestKind.clientRequest, id, 0n, xid, opcode, 0, writer.written().slice());
  }

  /** What main announced since the last time. */
  announcements(): Announcement[] {
    const ring = this.#commitRing;
    const buffer = new ByteBuffer(ring.bytes);
    const found: Announcement[] = [];
    while (ring.next()) {
      const head = new CommitHead().__init(ring.start, buffer);
      const at = ring.start + COMMIT_HEAD_BYTES;
      const zxid = head.zxidHigh() * 2 ** 32 + (head.zxidLow() >>> 0);
      const connection = head.connection();
      switch (head.kind()) {
        case CommitKind.event: {
          const path = Buffer.from(ring.bytes.subarray(at, at + head.pathLength())).toString();
          const listsAcls = head.aclLength() > 0 || head.parentAclLength() > 0;
          found.push({ kind: 'event', change: head.event(), path, zxid, listsAcls });
          break;
        }
        case CommitKind.reply: {
          const body = Buffer.from(ring.bytes.slice(at, at + head.bodyLength()));
          found.push({ kind: 'reply', connection, xid: head.xid(), zxid, error: head.error(), body });
          break;
        }
        case CommitKind.sessionSettled: {
          const session = (BigInt(head.sessionHigh()) << 32n) | BigInt(head.sessionLow() >>> 0);
          found.push({
            kind: 'settled',
            connection,
            session,
            timeoutMs: head.timeoutMs(),
            slot: head.slot(),
          });
          break;
        }
        default:
          found.push({ kind: 'close', connection });
      }
    }
    ring.release();
    return found;
  }

  // ── as the log ──

  /** Takes what is in the log ring, and says that it is durable; gives the types of the txns. */
  writeLog(): number[] {
    const ring = this.#log;
    const buffer = new ByteBuffer(ring.bytes);
    const types: number[] = [];
    while (ring.next()) {
      const head = new LogHead().__init(ring.start, buffer);
      if (head.kind() !== LogKind.txn) continue;
      const entryAt = ring.start + ring.length - head.entryLength();
      types.push(Buffer.from(ring.bytes.slice(entryAt, entryAt + 32)).readInt32BE(28));
      this.#committed.set(head.zxidHigh(), head.zxidLow());
    }
    ring.release();
    return types;
  }

  // ── as main ──

  /** Takes requests until there are none, or the log is full. */
  take(): void {
    while (this.intake.takeTurn());
  }

  commit(): void {
    while (this.commits.advance(this.#committed));
  }

  /** Everything once through; gives what was announced. */
  run(): Announcement[] {
    this.take();
    this.writeLog();
    this.commit();
    return this.announcements();
  }

  /** A session on this connection. */
  open(id: number, timeoutMs = 1000, identities: readonly Identity[] = []): bigint {
    this.connect(id, 0n, timeoutMs, identities);
    const settled = this.run().find((each) => each.kind === 'settled');
    if (settled?.kind !== 'settled') throw new Error('no session');
    return settled.session;
  }
}
