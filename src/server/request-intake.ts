// Hot path: requests are handed over where they stand in the requests rings.

import { AlignedBuffer } from '../ring/aligned-buffer.ts';
import { RequestHead } from '../ring/generated/records.ts';
import { RequestKind } from '../ring/record-kind.ts';
import { RingConsumer, type RingMemory } from '../ring/ring.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { ConnectionThrottle } from './connection-throttle.ts';
import type { MainCounters } from './main-counters.ts';
import type { RequestHandler } from './request-handler.ts';
import { SharedIdentities } from './shared-identities.ts';

/** Requests taken from one worker before the next one has its turn. */
const REQUESTS_PER_TURN = 1024;

export interface RequestIntakeParts {
  readonly requests: readonly RingMemory[];
  readonly publisher: CommitPublisher;
  readonly sessions: ClientSessions;
  readonly counters: MainCounters;
  readonly throttle: ConnectionThrottle;
  /** One line for the log, rate-limited by the receiver. */
  readonly complain: (problem: string) => void;
}

/** Takes the workers' requests and gives them to whoever the server's role makes responsible. */
export class RequestIntake {
  /** null: there is nobody yet, or not for the moment; requests wait in their rings, and so with the clients. */
  handler: RequestHandler | null = null;
  readonly #parts: RequestIntakeParts;
  readonly #rings: RingConsumer[];
  readonly #buffers: AlignedBuffer[];
  readonly #head = new RequestHead();
  readonly #identities = new SharedIdentities();

  constructor(parts: RequestIntakeParts) {
    this.#parts = parts;
    this.#rings = parts.requests.map((memory) => new RingConsumer(memory, 0));
    this.#buffers = this.#rings.map((ring) => new AlignedBuffer(ring.bytes));
  }

  /** Whether a turn would take anything. */
  hasWork(): boolean {
    return this.handler !== null && this.#rings.some((ring) => ring.hasMore());
  }

  /** Takes a turn of requests from every worker; true when more could be taken at once. */
  takeTurn(): boolean {
    const { handler } = this;
    if (handler === null) return false;
    handler.beginTurn();
    let taken = 0;
    for (let worker = 0; worker < this.#rings.length; worker++) taken += this.#takeFrom(worker, handler);
    handler.taken(-1);
    this.#parts.publisher.publish();
    this.#parts.publisher.ring();
    return taken > 0 && this.hasWork();
  }

  /** A worker died and is started again with a fresh ring. */
  replaceRing(worker: number, memory: RingMemory): void {
    this.#rings[worker] = new RingConsumer(memory, 0);
    this.#buffers[worker] = new AlignedBuffer(this.#rings[worker].bytes);
  }

  #takeFrom(worker: number, handler: RequestHandler): number {
    const ring = this.#rings[worker];
    let taken = 0;
    // What is taken is shown to log and learners from time to time, when it may turn out that this server leads no longer.
    while (taken < REQUESTS_PER_TURN && this.handler === handler && handler.hasRoom() && ring.next()) {
      this.#take(worker, this.#head.__init(ring.start, this.#buffers[worker]), ring, handler);
      handler.taken(++taken);
    }
    if (taken > 0) ring.release();
    return taken;
  }

  #take(worker: number, head: RequestHead, ring: RingConsumer, handler: RequestHandler): void {
    const start = ring.start + head.payloadOffset();
    const end = start + head.payloadLength();
    const connection = head.connection();
    const { sessions } = this.#parts;
    const kind = head.kind();
    switch (kind) {
      case RequestKind.clientRequest: {
        const known = sessions.find(worker, connection);
        // The connection was closed from here (its session expired or moved) while the request was on its way.
        if (known === undefined) break;
        handler.request(known, worker, connection, head.xid(), head.opcode(), ring.bytes, start, end);
        break;
      }
      case RequestKind.openSession:
        if (this.#isThrottled(worker, connection, true)) break;
        handler.openSession(
          worker,
          connection,
          head.timeoutMs(),
          this.#identities.read(ring.bytes, start, end),
        );
        break;
      case RequestKind.attachSession:
        if (this.#isThrottled(worker, connection, false)) break;
        handler.attachSession(
          worker,
          connection,
          head.sessionHigh(),
          head.sessionLow(),
          head.timeoutMs(),
          this.#identities.read(ring.bytes, start, end),
        );
        break;
      case RequestKind.refuseAttach:
        sessions.refuseAttach(worker, connection, head.sessionHigh(), head.sessionLow());
        break;
      case RequestKind.connectionClosed:
        sessions.connectionClosed(worker, connection);
        break;
      case RequestKind.identities: {
        const known = sessions.find(worker, connection);
        if (known !== undefined) known.identities = this.#identities.read(ring.bytes, start, end);
        break;
      }
      default:
        throw new Error(`unknown kind ${kind} in the requests ring of worker ${worker}`);
    }
  }

  /** Whether too many clients come at once: this one is disconnected. */
  #isThrottled(worker: number, connection: number, isNew: boolean): boolean {
    const { throttle, counters, publisher, complain } = this.#parts;
    counters.connectionRequests++;
    const isAdmitted = throttle.admits(isNew, monotonicMs());
    counters.connectionTokenDeficit.record(throttle.deficit);
    if (isAdmitted) return false;
    counters.connectionsThrottled++;
    complain('a client was turned away: connection_throttle_tokens are used up');
    publisher.closeConnection(worker, connection);
    return true;
  }
}
