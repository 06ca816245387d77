import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEFORE_FUZZY_SNAPSHOTS, NO_FAULTS, optionsOf, type SimOptions } from './options.ts';
import { run } from './run.ts';

/** Seeds that have found something, with what it was. They may find nothing if it came back, but they cost next to nothing. */
const FOUND: readonly {
  readonly seed: number;
  readonly what: string;
  readonly given?: Partial<SimOptions>;
}[] = [
  { seed: 16, what: 'a follower that was away for an epoch ends over the txns of that epoch' },
  { seed: 115, what: 'a log tail that only the page cache holds is voted with, and committed' },
  { seed: 173, what: 'such a tail is lost in front of a newer log: the server does not start' },
  { seed: 175, what: 'a sync is overtaken by the write behind it when the leader changes' },
  { seed: 217, what: 'writes that waited overtake those that are forwarded again' },
  { seed: 571, what: 'a multi of a session that has moved is no error txn' },
  { seed: 1410, what: 'a blackout while the leader sends snapshots leaves nobody with a vote' },
  { seed: 1946, what: 'an observer forwards a write again that its leader has proposed already' },
  {
    seed: 3156,
    what: 'three wait for a dead server that a fourth avoids, for ever',
    given: { fuzzySnapshots: true, purgeRetain: 3, streamStepMs: 0.5, streamBreaks: 0.3 },
  },
  {
    seed: 5,
    what: 'followers pause for longer than their leader waits for them, for ever',
    given: { voters: 5, networkDelayMs: 10, faults: { ...NO_FAULTS, slowMs: 300, resetMs: 300 } },
  },
];

for (const { seed, what, given } of FOUND) {
  test(`${what}: not any more (seed ${seed})`, () => {
    const { violation } = run(optionsOf(seed, { ...BEFORE_FUZZY_SNAPSHOTS, ...given }));
    assert.equal(violation?.message ?? null, null);
  });
}
