import type { SimOptions } from '../sim/options.ts';

/** A piece of a compiled file and what stands in its place in the mutant. */
export interface Edit {
  /** Below the folder of the compiled files, e.g. `src/zab/learner.js`. */
  readonly file: string;
  /** Must be there exactly `times` times (once, if not given): else the code has changed, and the mutant with it. */
  readonly find: string;
  readonly replace: string;
  readonly times?: number;
}

/** Who can find a mutant: a trial is a seed of the simulator, or a seed of the crash images with a few hundred of them. */
export type Finder = 'simulator' | 'crash images';

/** A bug of the past, put back into the server's own code. */
export interface Mutant {
  readonly name: string;
  /** What was wrong, in one line. */
  readonly what: string;
  /** Where it was seen: ZOOKEEPER-NNNN, or another project's. */
  readonly seen: string;
  readonly edits: readonly Edit[];
  readonly finder: Finder;
  /** Checks that may find it: whatever else a run ends with would be an accident. */
  readonly checks: readonly string[];
  /** The first seed that finds it, as of the last hunt; CI tries this one. */
  readonly seed: number;
  /** What the runs are like, where the seed is not to decide. */
  readonly given?: Partial<SimOptions>;
}
