import type { SendSource } from '../../src/quorum/send-queue.ts';
import type { CatchUp } from '../../src/server/catch-up.ts';
import type { ConnectionId } from '../../src/zab/output.ts';
import type { QuorumMessage } from './messages.ts';
import type { ConnectionEnd } from './network.ts';
import type { SimProcess } from './process.ts';
import { SendLine } from './send-line.ts';

const DIALS_MAX = 5;
const DIAL_PAUSE_MS = 20;

/** A connection of the quorum port, at either end. */
export interface QuorumConnection {
  readonly id: ConnectionId;
  readonly end: ConnectionEnd;
  /** On the leader: the learner's sid, once it has said it. */
  sid: number;
  /** On the leader: what leaves behind the COMMIT of this counter, SYNC or that a session lives; oldest first. */
  readonly answers: { readonly counter: number; readonly message: QuorumMessage }[];
  /** What leaves, in order. */
  readonly line: SendLine;
  /** On the leader: what the learner lacks is on its way; what is proposed and committed meanwhile goes there. */
  catchUp: CatchUp | null;
  /** Set while the history is being replaced: what arrives waits here. */
  held: QuorumMessage[] | null;
  /** Waits for the pieces of the tree that follows SNAP. */
  snapshot: SnapshotTaker | null;
}

/** Who takes a tree that comes in pieces; {@link brokeOff} when the connection ends before the last one. */
export interface SnapshotTaker {
  piece(bytes: Uint8Array, isLast: boolean): void;
  brokeOff(): void;
}

/** A process's connections of the quorum port, as leader and as learner. */
export class QuorumConnections {
  /** The learner's connection to its leader. */
  leader: QuorumConnection | null = null;
  readonly #process: SimProcess;
  readonly #open = new Map<ConnectionId, QuorumConnection>();
  #next = 1;
  #dialing = 0;

  constructor(process: SimProcess) {
    this.#process = process;
  }

  get(connection: ConnectionId): QuorumConnection | undefined {
    return this.#open.get(connection);
  }

  nameOf(connection: ConnectionId): string {
    return this.#open.get(connection)?.end.peer.host.name ?? 'nobody';
  }

  dial(leader: number): void {
    this.#dial(leader, ++this.#dialing, DIALS_MAX);
  }

  /** A dial that is under way is not wanted any more. */
  forgetDial(): void {
    this.#dialing++;
  }

  #dial(leader: number, dial: number, tries: number): void {
    const process = this.#process;
    const { server } = process;
    const { network, queue } = server.world;
    const isWanted = (): boolean => process.isAlive && dial === this.#dialing;
    network.dial(server, server.world.serverOf(leader), 'quorum', (end, reason) => {
      if (!isWanted()) end?.close('not wanted any more');
      else if (end !== null) {
        const connection = this.#add(end);
        this.leader = connection;
        process.turn(() => process.peer.leaderConnected(connection.id, leader));
      } else if (tries > 1) {
        queue.after(DIAL_PAUSE_MS, () => {
          if (isWanted()) this.#dial(leader, dial, tries - 1);
        });
      } else process.turn(() => process.peer.leaderUnreachable(leader, reason));
    });
  }

  /** A learner dials. */
  accept(end: ConnectionEnd): void {
    const connection = this.#add(end);
    this.#process.turn(() => this.#process.peer.learnerConnected(connection.id));
  }

  #add(end: ConnectionEnd): QuorumConnection {
    const id = this.#next++;
    const connection: QuorumConnection = {
      id,
      end,
      line: new SendLine({ end, whenTaken: (next) => this.#whenTaken(id, end, next) }),
      catchUp: null,
      sid: -1,
      answers: [],
      held: null,
      snapshot: null,
    };
    this.#open.set(connection.id, connection);
    end.onMessage = (message) => this.#arrived(connection, message as QuorumMessage);
    end.onClose = (reason) => {
      this.#process.turn(() => {
        if (!this.#open.has(connection.id)) return;
        this.#forget(connection);
        this.#process.connectionClosed(connection.id, reason);
      });
    };
    return connection;
  }

  #arrived(connection: QuorumConnection, message: QuorumMessage): void {
    this.#process.turn(() => {
      if (!this.#open.has(connection.id)) return;
      if (connection.held === null) this.#process.received(connection, message);
      else {
        connection.held.push(message);
        this.#giveSnapshot(connection);
      }
    });
  }

  send(connection: ConnectionId, message: QuorumMessage): void {
    this.#open.get(connection)?.line.send(message);
  }

  sendSource(connection: ConnectionId, source: SendSource): void {
    this.#open.get(connection)?.line.source(source);
  }

  /** From where on the log is needed for learners that are on their way into step. */
  get neededFrom(): bigint | null {
    let least: bigint | null = null;
    for (const { catchUp } of this.#open.values()) {
      if (catchUp !== null && (least === null || catchUp.at < least)) least = catchUp.at;
    }
    return least;
  }

  /** The other side takes bytes when it can, and the connection may break in the midst of it. */
  #whenTaken(id: ConnectionId, end: ConnectionEnd, next: () => void): void {
    const { world, random } = this.#process.server;
    const { streamStepMs, streamBreaks } = world.options;
    if (streamStepMs === 0) {
      next();
      return;
    }
    world.queue.after(random.delayMs(streamStepMs), () =>
      this.#process.turn(() => {
        if (!this.#open.has(id)) return;
        this.#process.peer.heard(id);
        next();
        if (!world.hasFaults || end.isClosed || !random.chance(streamBreaks)) return;
        world.figures.streamsBroken++;
        world.network.break(end);
      }),
    );
  }

  /** Answers have their place among the COMMITs: what was committed behind them must not overtake them. */
  sendAnswers(id: ConnectionId, committedCounter: number): void {
    const answers = this.#open.get(id)?.answers;
    while (answers !== undefined && answers.length > 0 && answers[0].counter <= committedCounter) {
      this.send(id, answers[0].message);
      answers.shift();
    }
  }

  close(id: ConnectionId, reason: string): void {
    const connection = this.#open.get(id);
    if (connection === undefined) return;
    connection.end.close(reason);
    this.#forget(connection);
  }

  /** The connection cannot go on. */
  fail(id: ConnectionId, reason: string): void {
    if (!this.#open.has(id)) return;
    this.#process.server.world.figures.streamsFailed++;
    this.#process.trace(`closes the connection to ${this.nameOf(id)}: ${reason}`);
    this.close(id, reason);
    this.#process.connectionClosed(id, reason);
  }

  #forget(connection: QuorumConnection): void {
    this.#open.delete(connection.id);
    connection.line.close();
    if (this.leader === connection) this.leader = null;
    const { snapshot } = connection;
    connection.snapshot = null;
    // Not from within: whoever waits is told in a turn of its own.
    if (snapshot === null) return;
    this.#process.server.world.queue.after(0.1, () => this.#process.turn(() => snapshot.brokeOff()));
  }

  /** What arrives from now on waits until {@link release}. */
  hold(id: ConnectionId): void {
    const connection = this.#open.get(id);
    if (connection !== undefined) connection.held ??= [];
  }

  release(id: ConnectionId): void {
    const connection = this.#open.get(id);
    const held = connection?.held;
    if (connection === undefined || held == null) return;
    connection.held = null;
    while (held.length > 0 && connection.held === null && this.#open.has(id)) {
      const message = held.shift();
      if (message !== undefined) this.#process.turn(() => this.#process.received(connection, message));
    }
    // Held again in the midst of it: the rest waits, too.
    if (held.length > 0 && connection.held !== null) (connection.held as QuorumMessage[]).push(...held);
  }

  /** Gives the pieces of the tree that follows SNAP as they come. */
  takeSnapshot(id: ConnectionId, taker: SnapshotTaker): void {
    const connection = this.#open.get(id);
    if (connection === undefined) {
      taker.brokeOff();
      return;
    }
    connection.snapshot = taker;
    this.#giveSnapshot(connection);
  }

  #giveSnapshot(connection: QuorumConnection): void {
    for (;;) {
      const first = connection.held?.[0];
      const { snapshot } = connection;
      if (snapshot === null || first?.kind !== 'snapshot') return;
      connection.held?.shift();
      if (first.isLast) connection.snapshot = null;
      snapshot.piece(first.bytes, first.isLast);
    }
  }
}
