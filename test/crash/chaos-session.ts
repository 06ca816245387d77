import type { Random } from '../support/random.ts';
import { delay } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { OwnSubtree, WrongStateError } from './own-subtree.ts';

const DEPTHS = [1, 4, 16];
const READS_PER_WRITE = 7 / 3;
/** A client that hears nothing for so long goes to another server. */
const SILENCE_MS_MAX = 2500;
const LOOK_MS = 50;
const CONNECT_MS_MAX = 2000;
/** How long no server may take the session back. */
const HOMELESS_MS_MAX = 30_000;

/**
 * One client with one session and one subtree of its own: it writes and reads without a pause, and goes to another server with
 * its session whenever its connection breaks or is silent. Whatever it sees must fit what it has sent and seen before:
 * the answers come in order, zxids never go back, nothing acknowledged is missing, and of what was not answered a
 * prefix was done.
 */
export class ChaosSession {
  readonly subtree: OwnSubtree;
  readonly #ports: readonly number[];
  readonly #draw: Random;
  readonly #timeoutMs: number;
  /** The last time of an answer, and the number of answers. */
  readonly #onAnswers: () => void;
  #client: WireClient | null = null;
  #session: { sessionId: bigint; password: Uint8Array } | null = null;
  #lastZxid = 0n;
  #isStopping = false;
  /** How often it went to another server. */
  moves = 0;

  constructor(
    base: string,
    draw: Random,
    ports: readonly number[],
    timeoutMs: number,
    onAnswers: () => void,
  ) {
    this.subtree = new OwnSubtree(base, draw);
    this.#draw = draw;
    this.#ports = ports;
    this.#timeoutMs = timeoutMs;
    this.#onAnswers = onAnswers;
  }

  /** Opens the session and makes the subtree's root. */
  async open(): Promise<void> {
    this.#client = await this.#connect();
    const { sessionId, password } = this.#client.session;
    this.#session = { sessionId, password };
    ok(await this.#client.create(this.subtree.base));
  }

  /** Works until {@link stop}; rejects as soon as something is wrong. */
  async run(): Promise<void> {
    while (!this.#isStopping) {
      if (this.#client === null) {
        this.#client = await this.#connect();
        this.moves += 1;
      }
      const client = this.#client;
      const work = this.#work(client);
      work.catch(() => {});
      await Promise.race([work, this.#watch(client)]);
      await client.disconnect();
      await work;
      this.#sweep(client);
      this.#client = null;
    }
  }

  /** Until the connection ends. */
  async #work(client: WireClient): Promise<void> {
    try {
      ok(await client.sync(this.subtree.base));
      await this.subtree.verify(client);
    } catch (error) {
      if (error instanceof WrongStateError || !client.isClosed) throw error;
      return;
    }
    await this.subtree.write(client, DEPTHS[this.#draw.below(DEPTHS.length)], READS_PER_WRITE);
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** After the end: takes the session up once more, checks everything, and ends it. */
  async close(): Promise<void> {
    const client = await this.#connect();
    this.#client = client;
    ok(await client.sync(this.subtree.base));
    await this.subtree.verify(client);
    ok(await client.closeSession());
  }

  async dispose(): Promise<void> {
    await this.#client?.disconnect();
  }

  /** Settles when the connection is silent for too long, or the work is to end. */
  async #watch(client: WireClient): Promise<void> {
    let heardAt = Date.now();
    while (!this.#isStopping && !client.isClosed) {
      if (this.#sweep(client)) heardAt = Date.now();
      if (Date.now() - heardAt > SILENCE_MS_MAX) return;
      await delay(LOOK_MS);
    }
  }

  /** Looks at the zxids of the answers that have come; whether there were any. */
  #sweep(client: WireClient): boolean {
    const { log } = client;
    for (const event of log) {
      if (event.kind !== 'reply') continue;
      if (event.zxid < this.#lastZxid)
        throw new Error(
          `${this.subtree.base} has seen zxid ${this.#lastZxid}, and is answered at ${event.zxid}`,
        );
      this.#lastZxid = event.zxid;
    }
    const { length } = log;
    log.length = 0;
    if (length > 0) this.#onAnswers();
    return length > 0;
  }

  /** A connection to whichever server takes this session. */
  async #connect(): Promise<WireClient> {
    const deadline = Date.now() + HOMELESS_MS_MAX;
    const first = this.#draw.below(this.#ports.length);
    for (let attempt = 0; ; attempt++) {
      const port = this.#ports[(first + attempt) % this.#ports.length];
      const client = await this.#tryPort(port);
      if (client !== null) return client;
      if (Date.now() > deadline) throw new Error(`${this.subtree.base}: no server takes the session`);
      await delay(this.#draw.below(40));
    }
  }

  async #tryPort(port: number): Promise<WireClient | null> {
    const client = await WireClient.open(port).catch(() => null);
    if (client === null) return null;
    const response = client.establish({
      timeoutMs: this.#timeoutMs,
      lastZxidSeen: this.#lastZxid,
      ...(this.#session ?? {}),
    });
    const timer = setTimeout(() => void client.disconnect(), CONNECT_MS_MAX);
    const established = await response.catch(() => null).finally(() => clearTimeout(timer));
    if (established === null) {
      await client.disconnect();
      return null;
    }
    if (this.#session !== null && established.sessionId !== this.#session.sessionId) {
      await client.disconnect();
      throw new Error(`${this.subtree.base}: session 0x${this.#session.sessionId.toString(16)} is gone`);
    }
    return client;
  }
}
