import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionsOf, type Sabotage } from './options.ts';
import { run } from './run.ts';

/**
 * Each rule is broken by itself, and the simulator must notice, by one of the checks that are there for it: a checker that
 * cannot fail proves nothing. The limit is several times what it takes.
 */
const RULES: Readonly<Record<Sabotage, { readonly checks: readonly string[]; readonly seedsMax: number }>> = {
  'acknowledges unsynced txns': { checks: ['durable on a quorum'], seedsMax: 5 },
  'has a disk that lies': { checks: ['identical prefix', 'history', 'the server ends'], seedsMax: 20 },
  'forgets epochs': { checks: ['one leader per epoch', 'identical prefix', 'the server ends'], seedsMax: 60 },
  'loses watch events': { checks: ['watch before data'], seedsMax: 10 },
  'answers reads before earlier writes': { checks: ['FIFO'], seedsMax: 5 },
  'takes clients back in time': { checks: ['monotonic reads'], seedsMax: 40 },
  'forwards writes twice': { checks: ['session order'], seedsMax: 60 },
  'applies proposals': {
    checks: ['durable on a quorum', 'identical prefix', 'the server ends', 'identical digest'],
    seedsMax: 5,
  },
  'never expires sessions': { checks: ['liveness'], seedsMax: 40 },
  'does not see that a session has moved': { checks: ['session order'], seedsMax: 400 },
  'drops writes': { checks: ['liveness', 'FIFO', 'session order'], seedsMax: 20 },
  'trusts the page cache': { checks: ['durable on a quorum'], seedsMax: 60 },
};

for (const [rule, { checks, seedsMax }] of Object.entries(RULES)) {
  test(`a server that ${rule} is found out`, (context) => {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { violation } = run(optionsOf(seed, { sabotage: rule as Sabotage }));
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
