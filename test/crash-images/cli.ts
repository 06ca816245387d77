import { Command, InvalidArgumentError } from 'commander';
import type { ImageOutcome } from './image-check.ts';
import { crashImages, type ImagesResult } from './images.ts';

interface CliOptions {
  readonly images: number;
  readonly seed: number;
  readonly change?: number;
}

/** Images of one seed's workload at most: the rest comes from the next seeds. */
const IMAGES_PER_SEED = 2_000;
const SHOWN_EVERY_MS = 5_000;

function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number from 1 on');
}

function outcomeText(outcomes: ReadonlyMap<string, number>): string {
  return [...outcomes].map(([outcome, number]) => `${number} ${outcome}`).join(', ');
}

function main({ images, seed, change }: CliOptions): number {
  const startedMs = performance.now();
  let shownMs = startedMs;
  let done = 0;
  let crashedAgain = 0;
  const outcomes = new Map<ImageOutcome, number>();
  for (let at = seed; done < images; at++) {
    const imagesMax = Math.min(images - done, IMAGES_PER_SEED);
    const result: ImagesResult = crashImages({ seed: at, imagesMax, onlyChange: change ?? null });
    done += result.images;
    crashedAgain += result.crashedAgain;
    for (const [outcome, number] of Object.entries(result.outcomes) as [ImageOutcome, number][]) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + number);
    }
    const { violation } = result;
    if (violation !== null) {
      console.log(`FAILED ${violation.message}`);
      console.log(
        `npm run crash-images -- --seed ${at} --change ${violation.change} --images ${result.images}`,
      );
      return 1;
    }
    if (change !== undefined) break;
    if (performance.now() - shownMs < SHOWN_EVERY_MS) continue;
    shownMs = performance.now();
    console.log(`${done} of ${images} images, up to seed ${at}: ${outcomeText(outcomes)}`);
  }
  const took = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(
    `${done} images in ${took} s, all well: ${outcomeText(outcomes)}; ${crashedAgain} of them crashed twice`,
  );
  return 0;
}

const command = new Command('crash-images')
  .description(
    "Makes the server's storage code write, roll, snapshot, purge, truncate and replace logs on a disk in memory, cuts the power at every " +
      'change of that disk with any part of what was not synced gone, and starts again on what is left.',
  )
  .option('--images <count>', 'how many disk images', count, 5_000)
  .option('--seed <number>', 'the first seed; more follow, as needed', count, 1)
  .option('--change <number>', "only at this change of the seed's disk: replays a failure", count);
command.parse();
process.exitCode = main(command.opts<CliOptions>());
