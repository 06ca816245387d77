import type { EventQueue } from './event-queue.ts';

/** What is kept of a trace that nobody asked for: nothing. Ask {@link isOn} before putting a line together. */
export class Trace {
  readonly isOn: boolean;
  readonly #queue: EventQueue;
  readonly #write: (line: string) => void;

  constructor(queue: EventQueue, isOn: boolean, write: (line: string) => void) {
    this.#queue = queue;
    this.isOn = isOn;
    this.#write = write;
  }

  /** One line: simulated seconds, who, what. */
  add(who: string, what: string): void {
    if (!this.isOn) return;
    this.#write(`${(this.#queue.nowMs / 1000).toFixed(4).padStart(9)} ${who.padEnd(8)} ${what}`);
  }
}

/** A zxid as epoch.counter, in decimal: shorter to read than hex. */
export function zxidText(zxid: bigint): string {
  return `${zxid >> 32n}.${zxid & 0xffffffffn}`;
}
