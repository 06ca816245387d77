import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ServerName } from './connect-string.ts';

/** The servers in a random order, so that many clients spread over them; names are resolved each time anew. */
export class ServerList {
  readonly #servers: ServerName[];
  #next = 0;

  constructor(servers: readonly ServerName[]) {
    this.#servers = shuffled(servers);
  }

  get length(): number {
    return this.#servers.length;
  }

  /** The server to try now; the following call gives the following one. */
  take(): ServerName {
    const server = this.#servers[this.#next];
    this.#next = (this.#next + 1) % this.#servers.length;
    return server;
  }

  /** Makes `server` the one that {@link take} gives. */
  prefer(server: ServerName): void {
    this.#next = Math.max(0, this.#servers.indexOf(server));
  }

  /** All but the one given. */
  others(server: ServerName | null): ServerName[] {
    return this.#servers.filter((other) => other !== server);
  }
}

/** The addresses of a host, in a random order. Rejects when the name cannot be resolved in time. */
export async function addressesOf(host: string, timeoutMs: number): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`'${host}' was not resolved within ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return shuffled([...new Set(found.map(({ address }) => address))]);
  } finally {
    clearTimeout(timer);
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
