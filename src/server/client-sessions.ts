import type { Identity } from '../protocol/acl.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { SessionIds } from '../session/session-ids.ts';
import { type Session, SessionLimitError, type SessionTracker } from '../session/session-tracker.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { SessionEffects } from './commit-stage.ts';

/** What main knows of a client's connection. */
export interface KnownConnection {
  readonly session: Session;
  identities: readonly Identity[];
  /** The client has its answer to the ConnectRequest. */
  isSettled: boolean;
}

export interface ClientSessionsParts {
  readonly tracker: SessionTracker;
  readonly ids: SessionIds;
  readonly publisher: CommitPublisher;
  /** How many connection workers there are. */
  readonly workers: number;
  /** One line for the log, rate-limited by the receiver. */
  readonly complain: (problem: string) => void;
}

/**
 * Which connection holds which session: main's side of connecting, moving and closing (protocol/client.md §2). The
 * connection workers have the sockets; they hear of decisions through the commits ring.
 */
export class ClientSessions implements SessionEffects {
  readonly tracker: SessionTracker;
  readonly #ids: SessionIds;
  readonly #publisher: CommitPublisher;
  readonly #complain: (problem: string) => void;
  /** A session's connection is gone, or another one has taken its place. */
  onDetached: (session: Session) => void = () => {};
  /** A session has ended by a txn. */
  onEnded: (idHigh: number, idLow: number) => void = () => {};
  /** By worker, then by the worker's number for the connection. */
  readonly #connections: Map<number, KnownConnection>[];

  constructor({ tracker, ids, publisher, workers, complain }: ClientSessionsParts) {
    this.tracker = tracker;
    this.#ids = ids;
    this.#publisher = publisher;
    this.#complain = complain;
    this.#connections = Array.from({ length: workers }, () => new Map());
  }

  /** The connection, if it has a session. */
  find(worker: number, connection: number): KnownConnection | undefined {
    return this.#connections[worker].get(connection);
  }

  /** Whether it is a session that this server alone knows, and that has not ended. */
  isLocal(idHigh: number, idLow: number): boolean {
    const session = this.tracker.get(idHigh, idLow);
    return session?.isLocal === true && !session.isClosing;
  }

  /** A new session for a connection, which holds it from now on; null: there are too many, and the connection is closed. */
  open(
    worker: number,
    connection: number,
    timeoutMs: number,
    identities: readonly Identity[],
    nowMs: number,
  ): Session | null {
    const { high, low } = this.#ids.next();
    let session: Session;
    try {
      session = this.tracker.add(high, low, timeoutMs, nowMs);
    } catch (error) {
      if (!(error instanceof SessionLimitError)) throw error;
      this.#complain(`a new session was refused: ${error.message}`);
      this.#publisher.closeConnection(worker, connection);
      return null;
    }
    this.hold(session, worker, connection, identities, timeoutMs, nowMs);
    return session;
  }

  /** A connection takes a session, new or existing; whichever connection held it is closed. */
  hold(
    session: Session,
    worker: number,
    connection: number,
    identities: readonly Identity[],
    timeoutMs: number,
    nowMs: number,
  ): void {
    this.disconnect(session);
    session.connection = { worker, connection };
    session.connectionTimeoutMs = timeoutMs;
    this.tracker.touch(session, nowMs);
    this.#connections[worker].set(connection, { session, identities, isSettled: false });
  }

  /** Closes the connection that holds the session, if any. */
  disconnect(session: Session): void {
    const holder = session.connection;
    if (holder === null) return;
    session.connection = null;
    this.onDetached(session);
    this.#publisher.closeConnection(holder.worker, holder.connection);
  }

  /** The worker says that a connection is gone. Its session lives on. */
  connectionClosed(worker: number, connection: number): void {
    const known = this.#connections[worker].get(connection);
    if (known === undefined) return;
    this.#connections[worker].delete(connection);
    const holder = known.session.connection;
    if (holder !== null && holder.worker === worker && holder.connection === connection) {
      known.session.connection = null;
      this.onDetached(known.session);
    }
  }

  /** Closes all connections; sessions live on. */
  disconnectAll(): void {
    for (const session of [...this.connected()]) this.disconnect(session);
    for (const connections of this.#connections) connections.clear();
    this.#publisher.publish();
    this.#publisher.ring();
  }

  /** Sessions that are connected to this server. */
  *connected(): Generator<Session> {
    for (const connections of this.#connections) {
      for (const [connection, { session }] of connections) {
        if (session.connection?.connection === connection) yield session;
      }
    }
  }

  /** All connections of a worker are gone with it. */
  workerDied(worker: number): void {
    for (const connection of [...this.#connections[worker].keys()]) this.connectionClosed(worker, connection);
  }

  /** The answer to a client that opened or attached a session; there is one only, though a local session is created later. */
  settle(session: Session, worker: number, connection: number): void {
    const known = this.#connections[worker].get(connection);
    if (known !== undefined) {
      if (known.isSettled) return;
      known.isSettled = true;
    }
    this.#publisher.sessionSettled(
      worker,
      connection,
      session.idHigh,
      session.idLow,
      session.connectionTimeoutMs,
      session.slot,
    );
  }

  /**
   * The answer that clients read as "session expired". Even an attempt that fails ends the connection that holds the
   * session, as in ZooKeeper.
   */
  refuseAttach(worker: number, connection: number, idHigh: number, idLow: number): void {
    const session = this.tracker.get(idHigh, idLow);
    if (session !== undefined) this.disconnect(session);
    this.#publisher.sessionSettled(worker, connection, 0, 0, 0, -1);
  }

  /** Of a session that was created through another server nobody has heard here before. */
  sessionCreated(idHigh: number, idLow: number, timeoutMs: number, worker: number, connection: number): void {
    const session =
      this.tracker.get(idHigh, idLow) ?? this.tracker.add(idHigh, idLow, timeoutMs, monotonicMs());
    session.isCommitted = true;
    session.isLocal = false;
    if (worker >= 0) this.settle(session, worker, connection);
  }

  sessionMoved(idHigh: number, idLow: number, worker: number, connection: number): void {
    const session = this.tracker.get(idHigh, idLow);
    if (session !== undefined) this.settle(session, worker, connection);
  }

  sessionClosed(idHigh: number, idLow: number): void {
    this.onEnded(idHigh, idLow);
    const session = this.tracker.get(idHigh, idLow);
    if (session === undefined) return;
    this.disconnect(session);
    this.tracker.remove(session);
  }
}
