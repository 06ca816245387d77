import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FAULTS, optionsOf, type Sabotage, type SimOptions } from './options.ts';
import { run } from './run.ts';

/**
 * Each rule is broken by itself, and the simulator must notice, by one of the checks that are there for it: a checker that
 * cannot fail proves nothing. The limit is several times what it takes.
 */
interface Expectation {
  readonly checks: readonly string[];
  readonly seedsMax: number;
  readonly given?: Partial<SimOptions>;
}

const RULES: Readonly<Record<Sabotage, Expectation>> = {
  'acknowledges unsynced txns': { checks: ['durable on a quorum'], seedsMax: 5 },
  'has a disk that lies': {
    checks: ['identical prefix', 'history', 'the server ends', 'monotonic reads'],
    seedsMax: 20,
  },
  'forgets epochs': { checks: ['one leader per epoch', 'identical prefix', 'the server ends'], seedsMax: 20 },
  'loses watch events': { checks: ['watch before data', 'watches fire once'], seedsMax: 10 },
  'answers reads before earlier writes': { checks: ['FIFO'], seedsMax: 5 },
  'takes clients back in time': {
    checks: ['monotonic reads'],
    seedsMax: 20,
    given: { voters: 3, faults: NO_FAULTS },
  },
  'forwards writes twice': { checks: ['session order'], seedsMax: 10 },
  'applies proposals': {
    checks: ['durable on a quorum', 'identical prefix', 'the server ends', 'identical digest'],
    seedsMax: 5,
  },
  'never expires sessions': { checks: ['liveness'], seedsMax: 20 },
  'drops writes': { checks: ['liveness', 'FIFO', 'session order'], seedsMax: 20 },
  'trusts the page cache': { checks: ['durable on a quorum', 'the server ends'], seedsMax: 100 },
};

for (const [rule, { checks, seedsMax, given }] of Object.entries(RULES)) {
  test(`a server that ${rule} is found out`, (context) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { violation } = run(optionsOf(seed, { ...given, sabotage: rule as Sabotage }));
      if (violation === null) continue;
      assert.ok(
        checks.includes(violation.check),
        `found by another check, seed ${seed}: ${violation.message}`,
      );
      context.diagnostic(`seed ${seed}: ${violation.message.split('\n', 1)[0]}`);
      return;
    }
    assert.fail(`not noticed in ${seedsMax} seeds`);
  });
}
