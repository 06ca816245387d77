import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Names whose last answer is kept: far more than an ensemble has servers. */
const KEPT_NAMES_MAX = 256;
/** An answer from before is taken when the name service lets us wait for longer. */
const IMPATIENCE_MS = 500;

export type Resolve = (host: string) => Promise<readonly string[]>;

async function resolveWithSystem(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

/**
 * Resolves the names of servers anew at each call, since a server may come back with another address. At most one
 * question per name is under way: the system's resolver serves but two at a time, and a dead name can hold one of them
 * for many seconds. Where it is slow or fails for a time, the last answer serves; a name that is gone is an error.
 */
export class NameLookup {
  readonly #resolve: Resolve;
  readonly #impatienceMs: number;
  readonly #asked = new Map<string, Promise<readonly string[]>>();
  /** Least recently answered first. */
  readonly #answers = new Map<string, readonly string[]>();

  constructor(resolve: Resolve = resolveWithSystem, impatienceMs = IMPATIENCE_MS) {
    this.#resolve = resolve;
    this.#impatienceMs = impatienceMs;
  }

  /** The addresses of a host, at least one. Rejects with the resolver's error. */
  async addresses(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const question = this.#asked.get(host) ?? this.#ask(host);
    const before = this.#answers.get(host);
    if (before === undefined) return await question;
    let timer: NodeJS.Timeout | undefined;
    const impatience = new Promise<readonly string[]>((resolve) => {
      timer = setTimeout(() => resolve(before), this.#impatienceMs);
    });
    try {
      return await Promise.race([question, impatience]);
    } catch (error) {
      if (isTemporary(error)) return before;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #ask(host: string): Promise<readonly string[]> {
    const question = this.#answered(host).finally(() => this.#asked.delete(host));
    this.#asked.set(host, question);
    // Whoever did not wait for it does not care.
    question.catch(() => {});
    return question;
  }

  async #answered(host: string): Promise<readonly string[]> {
    const addresses = await this.#resolve(host);
    if (addresses.length === 0) throw new Error(`${host} has no address`);
    this.#answers.delete(host);
    this.#answers.set(host, addresses);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > KEPT_NAMES_MAX) this.#answers.delete(oldest);
    return addresses;
  }
}

function isTemporary(error: unknown): boolean {
  const code = error instanceof Error ? Reflect.get(error, 'code') : null;
  return code === 'EAI_AGAIN' || code === 'ETIMEOUT' || code === 'ESERVFAIL';
}
