import { optionsOf, type SimOptions } from '../sim/options.ts';
import type { Violation } from '../sim/violation.ts';
import { CrashDisk, type Survival } from '../support/crash-disk.ts';
import { type Random, random } from '../support/random.ts';
import { checkImage, type ImageOutcome, violationOf } from './image-check.ts';
import { Workload } from './workload.ts';

/** Which images of a seed's workload are made. */
export interface ImagesOptions {
  readonly seed: number;
  /** At most so many. */
  readonly imagesMax: number;
  /** Only at this change of the disk; null: at each. */
  readonly onlyChange?: number | null;
}

export interface ImagesResult {
  readonly seed: number;
  readonly images: number;
  readonly outcomes: Readonly<Record<ImageOutcome, number>>;
  /** Images for which the power failed a second time, during the start on the first one. */
  readonly crashedAgain: number;
  /** Null: all were as they must be. */
  readonly violation: (Violation & { readonly change: number }) | null;
}

const STEPS = 40;
/** Besides nothing and all of what was not synced. */
const SAMPLES = 3;

/** Makes a seed's workload, and images of its disk at each change; stops at the first one that is wrong. */
export function crashImages(options: ImagesOptions): ImagesResult {
  return new CrashImages(options).run();
}

class CrashImages {
  readonly #options: ImagesOptions;
  readonly #sim: SimOptions;
  readonly #dice: Random;
  readonly #outcomes: Record<ImageOutcome, number> = {
    recovered: 0,
    'recovered, ahead': 0,
    'refused for a hole': 0,
  };
  #images = 0;
  #crashedAgain = 0;
  #change = 0;
  #workload: Workload | null = null;
  #violation: ImagesResult['violation'] = null;

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#sim = optionsOf(options.seed);
    this.#dice = random(options.seed);
  }

  run(): ImagesResult {
    const { seed, imagesMax } = this.#options;
    try {
      const workload = new Workload(new CrashDisk(), seed, this.#sim, () => this.#changed());
      this.#workload = workload;
      for (let step = 0; step < STEPS && this.#images < imagesMax; step++) {
        workload.step();
        if (this.#violation !== null) break;
      }
    } catch (error) {
      this.#found(violationOf('the server ends', error));
    }
    return {
      seed,
      images: this.#images,
      outcomes: this.#outcomes,
      crashedAgain: this.#crashedAgain,
      violation: this.#violation,
    };
  }

  #found(violation: Violation): void {
    this.#violation ??= Object.assign(violation, { change: this.#change });
  }

  /** The disk has changed: what if that was the last that it did? */
  #changed(): void {
    const workload = this.#workload;
    const { onlyChange = null, imagesMax } = this.#options;
    if (workload === null || this.#violation !== null) return;
    this.#change++;
    // Drawn at each change, so that a change by itself gives the same images.
    const dice = random(this.#dice.below(0x7fffffff));
    if (onlyChange !== null && onlyChange !== this.#change) return;
    const survivals: Survival[] = ['none', 'all'];
    for (let i = 0; i < SAMPLES; i++) survivals.push(dice, { inOrder: dice });
    for (const survival of survivals) {
      if (this.#images >= imagesMax) return;
      try {
        this.#image(workload, survival, dice);
      } catch (error) {
        // Not thrown from here: who writes would take it for an error of the disk.
        this.#found(violationOf('the server ends', error));
        return;
      }
    }
  }

  #image({ disk, promises }: Workload, survival: Survival, dice: Random): void {
    this.#images++;
    const image = disk.restarted(survival);
    if (dice.below(4) !== 0) {
      this.#outcomes[checkImage(image, promises, this.#sim)]++;
      return;
    }
    image.failAt = dice.below(12) + 1;
    try {
      this.#outcomes[checkImage(image, promises, this.#sim)]++;
    } catch (error) {
      // Whatever it says of that: the power was gone.
      if (!image.isOff) throw error;
      this.#crashedAgain++;
      const again = image.restarted(dice.below(2) === 0 ? { inOrder: dice } : dice);
      for (const path of image.holes) again.holes.add(path);
      this.#outcomes[checkImage(again, promises, this.#sim)]++;
    }
  }
}
