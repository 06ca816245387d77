import type { ClientOptions, ZooKeeper } from '../../src/client/index.ts';
import type { ClientSubject } from './client-servers.ts';
import type { CuttingProxy } from './cutting-proxy.ts';
import { type Random, random } from './random.ts';
import { delay } from './server-process.ts';

/** Clients whose connections are cut, and whose server is killed and started again, while they work. */
export class FaultSchedule {
  readonly #subject: ClientSubject;
  readonly #proxies: CuttingProxy[] = [];
  readonly draws: Random = random();
  #isOver = false;

  constructor(subject: ClientSubject) {
    this.#subject = subject;
  }

  /** A client behind a proxy of its own. */
  async client(options: ClientOptions = {}): Promise<{ zk: ZooKeeper; proxy: CuttingProxy }> {
    const proxy = await this.#subject.proxy();
    const zk = await this.#subject.connect({ sessionTimeoutMs: 8000, ...options, address: proxy.address });
    this.#proxies.push(proxy);
    return { zk, proxy };
  }

  /**
   * Does faults until `work` ends: a client's replies get lost and its connection is cut, or just cut; once the server is
   * killed.
   */
  async during<T>(work: Promise<T>, { killsServer = true } = {}): Promise<T> {
    this.#isOver = false;
    const faults = this.#run(killsServer);
    try {
      return await work;
    } catch (error) {
      throw new Error(`seed ${this.draws.seed}: ${(error as Error).stack}`, { cause: error });
    } finally {
      this.#isOver = true;
      await faults;
    }
  }

  async #run(killsServer: boolean): Promise<void> {
    for (let round = 1; !this.#isOver; round++) {
      await delay(10 + this.draws.below(50));
      if (killsServer && round === 8) {
        await this.#subject.server.kill9();
        await this.#subject.server.start();
        continue;
      }
      const proxy = this.#proxies[this.draws.below(this.#proxies.length)];
      if (proxy === undefined) continue;
      if (this.draws.below(2) === 0) {
        proxy.swallowReplies();
        await delay(5 + this.draws.below(20));
        proxy.pass();
      }
      proxy.cut();
    }
    for (const proxy of this.#proxies) proxy.pass();
  }
}
