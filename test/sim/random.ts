import { type Random, random } from '../support/random.ts';

/** Seeded draws for the simulator: everything that a run does at random comes from one of these. */
export class SimRandom {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = random(seed);
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return this.#random.below(limit);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.#random.below(high - low + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#random.below(1 << 24) < probability * (1 << 24);
  }

  /** One of the items. Throws RangeError when there is none. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from');
    return items[this.#random.below(items.length)];
  }

  /** The item of a table of weights. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.below(entries.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [key, weight] of entries) {
      if (left < weight) return key;
      left -= weight;
    }
    throw new RangeError('no weights');
  }

  /** Some of the items, in their order: each with this probability. */
  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.chance(probability));
  }

  /** Milliseconds around `mean`, mostly less, sometimes several times as much, at most 20 times. */
  delayMs(meanMs: number): number {
    const unit = (this.below(1 << 20) + 1) / (1 << 20);
    return Math.min(20, -Math.log(unit)) * meanMs;
  }

  /** A generator of its own, so that draws here and there do not disturb each other. */
  fork(): SimRandom {
    return new SimRandom(this.below(0x7fffffff));
  }
}
