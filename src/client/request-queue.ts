// Hot path: a ring of references; it grows by doubling and allocates nothing else.

import type { Request } from './request.ts';

const CAPACITY_MIN = 64;

/** First in, first out. */
export class RequestQueue {
  #slots: (Request | null)[] = new Array<Request | null>(CAPACITY_MIN).fill(null);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(request: Request): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = request;
    this.#length++;
  }

  /** The oldest, or null. */
  peek(): Request | null {
    return this.#length === 0 ? null : this.#slots[this.#head];
  }

  /** Takes the oldest out, or gives null. */
  shift(): Request | null {
    if (this.#length === 0) return null;
    const request = this.#slots[this.#head];
    this.#slots[this.#head] = null;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    return request;
  }

  /** Takes all out, oldest first. */
  drain(): Request[] {
    const all: Request[] = [];
    for (let request = this.shift(); request !== null; request = this.shift()) all.push(request);
    this.#slots = new Array<Request | null>(CAPACITY_MIN).fill(null);
    this.#head = 0;
    return all;
  }

  /** Calls `visit` for each, oldest first; it must not change the queue. */
  forEach(visit: (request: Request) => void): void {
    for (let i = 0; i < this.#length; i++) {
      const request = this.#slots[(this.#head + i) & (this.#slots.length - 1)];
      if (request !== null) visit(request);
    }
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Array<Request | null>(old.length * 2).fill(null);
    for (let i = 0; i < this.#length; i++) slots[i] = old[(this.#head + i) & (old.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
