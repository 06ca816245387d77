import { crashImages } from '../crash-images/images.ts';
import { optionsOf } from '../sim/options.ts';
import { run } from '../sim/run.ts';
import type { Mutant } from './mutant.ts';

/** Of one workload. */
const IMAGES_PER_TRIAL = 1_000;

/** What a trial found: which check it was, and what it said. */
export interface Finding {
  readonly check: string;
  readonly message: string;
}

/** One trial of a mutant, or of the server as it is: nothing found is null. Loaded anew for each mutant (mutated-copy.ts). */
export function trial({ finder, given }: Pick<Mutant, 'finder' | 'given'>, seed: number): Finding | null {
  switch (finder) {
    case 'simulator': {
      const { violation } = run(optionsOf(seed, given));
      return violation === null ? null : { check: violation.check, message: violation.message };
    }
    case 'crash images': {
      const { violation } = crashImages({ seed, imagesMax: IMAGES_PER_TRIAL });
      return violation === null ? null : { check: violation.check, message: violation.message };
    }
    default:
      throw new Error(`unknown finder ${finder satisfies never}`);
  }
}
