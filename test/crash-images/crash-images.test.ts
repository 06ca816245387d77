import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashImages, type ImagesResult } from './images.ts';

const IMAGES = 5_000;
const IMAGES_PER_SEED = 1_000;

function messageOf({ violation, seed, images }: ImagesResult): string | null {
  if (violation === null) return null;
  return `${violation.message}\nnpm run crash-images -- --seed ${seed} --change ${violation.change} --images ${images}`;
}

test(`a server starts on ${IMAGES} disks that lost their power, with all that was promised`, (context) => {
  const outcomes = new Map<string, number>();
  let images = 0;
  let crashedAgain = 0;
  for (let seed = 1; images < IMAGES; seed++) {
    const result = crashImages({ seed, imagesMax: Math.min(IMAGES_PER_SEED, IMAGES - images) });
    assert.equal(messageOf(result), null);
    images += result.images;
    crashedAgain += result.crashedAgain;
    for (const [outcome, count] of Object.entries(result.outcomes)) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    }
  }
  context.diagnostic(
    `${[...outcomes].map((entry) => entry.join(' ')).join(', ')}; ${crashedAgain} crashed twice`,
  );
  // What they are about must have happened, and hardly any may be refused.
  assert.ok((outcomes.get('recovered') ?? 0) > IMAGES / 2);
  assert.ok((outcomes.get('recovered, ahead') ?? 0) > 20);
  assert.ok((outcomes.get('refused for a hole') ?? 0) < IMAGES / 50);
  assert.ok(crashedAgain > IMAGES / 50);
});

test('a change by itself gives the images that it gave among the others', () => {
  const all = crashImages({ seed: 2, imagesMax: 400 });
  assert.deepEqual(all, crashImages({ seed: 2, imagesMax: 400 }));
  const one = crashImages({ seed: 2, imagesMax: 400, onlyChange: 30 });
  assert.equal(one.images, 8);
  assert.equal(one.violation, null);
});
