/**
 * The text in `zookeeper_limits` and `zookeeper_stats` (protocol/client.md §10), such as `count=5,bytes=-1=;byteHardLimit=7`:
 * numbers by key, -1 for no limit.
 */
export class QuotaText {
  readonly #values = new Map<string, number>();

  /** What cannot be read as a number is left out. */
  constructor(text: string) {
    for (const pair of text.split(/[,;]+/)) {
      const [key, value] = pair.split('=');
      if (key === '') continue;
      const number = value === undefined || value === '' ? -1 : Number(value);
      if (Number.isSafeInteger(number)) this.#values.set(key, number);
    }
  }

  get count(): number {
    return this.#value('count');
  }

  get bytes(): number {
    return this.#value('bytes');
  }

  get countHardLimit(): number {
    return this.#value('countHardLimit');
  }

  get byteHardLimit(): number {
    return this.#value('byteHardLimit');
  }

  #value(key: string): number {
    return this.#values.get(key) ?? -1;
  }

  set(count: number, bytes: number): void {
    this.#values.set('count', count);
    this.#values.set('bytes', bytes);
  }

  /** Sets a key of any name; -1 is no limit. */
  setValue(key: string, value: number): void {
    this.#values.set(key, value);
  }

  /** As Apache writes it: clients before 3.7 read the beginning, up to the odd `=`. */
  toString(): string {
    const others = [...this.#values.keys()].filter((key) => key !== 'count' && key !== 'bytes').sort();
    const rest = others.map((key) => `${key}=${this.#value(key)}`).join(';');
    return `count=${this.count},bytes=${this.bytes}${rest === '' ? '' : `=;${rest}`}`;
  }
}
