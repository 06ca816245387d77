import type { ClientConnection } from './client-connection.ts';

/** Connections that a change concerns. */
export interface Watchers {
  readonly size: number;
  has(connection: ClientConnection): boolean;
  keys(): IterableIterator<ClientConnection>;
}

/**
 * Who watches one path, and in which modes: a map from connections to bits. Most paths have one watcher, for which no Map
 * is made.
 */
export class WatcherModes implements Watchers {
  #first: ClientConnection | null = null;
  #firstModes = 0;
  /** All of them, once there have been two. */
  #all: Map<ClientConnection, number> | null = null;

  get size(): number {
    if (this.#all !== null) return this.#all.size;
    return this.#first === null ? 0 : 1;
  }

  has(connection: ClientConnection): boolean {
    return this.get(connection) !== 0;
  }

  /** The connection's modes, 0 for none. */
  get(connection: ClientConnection): number {
    if (this.#all !== null) return this.#all.get(connection) ?? 0;
    return this.#first === connection ? this.#firstModes : 0;
  }

  /** Sets a connection's modes; with 0 it watches no more. */
  set(connection: ClientConnection, modes: number): void {
    if (this.#all === null && this.#first !== null && this.#first !== connection) {
      this.#all = new Map([[this.#first, this.#firstModes]]);
      this.#first = null;
    }
    if (this.#all === null) {
      this.#first = modes === 0 ? null : connection;
      this.#firstModes = modes;
    } else if (modes === 0) {
      this.#all.delete(connection);
    } else {
      this.#all.set(connection, modes);
    }
  }

  keys(): IterableIterator<ClientConnection> {
    if (this.#all !== null) return this.#all.keys();
    return (this.#first === null ? [] : [this.#first]).values();
  }
}
