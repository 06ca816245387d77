import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertLevel } from '../support/ensemble-level.ts';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { featureConfig, featureEnv, workOnEach } from '../support/feature-work.ts';
import type { ServerKind } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { text } from '../support/wire-records.ts';

/** Equal histories: the highest number leads. */
const LEADER = 3;
const FOLLOWERS = [1, 2];
const OBSERVER = 4;
/** It outlives its connection as long as anything here takes. */
const LONG_SESSION_MS = 100_000;

/** What a learner writes when it is brought to its leader's history, by way and by whose server the learner is. */
const SYNCS = {
  snapshot: { menagerie: /the leader's snapshot at 0x/, apache: /Getting a snapshot from leader/ },
  diff: { menagerie: null, apache: /Getting a diff from the leader/ },
  truncation: {
    menagerie: /cut off what was logged behind it/,
    apache: /Truncating log to get in sync with the leader/,
  },
} as const;

/**
 * An ensemble in which one kind leads and the other follows and observes: each way of joining, everything that a client can do
 * on each server, and the leader's death, with a tail that nobody else has. `onStep` is told what comes next.
 */
export async function playRoles(
  leading: ServerKind,
  learning: ServerKind,
  onStep: (step: string) => void,
): Promise<void> {
  const ensemble = await EnsembleProcesses.prepare({
    voters: 3,
    observers: 1,
    kind: (sid) => (sid === LEADER ? leading : learning),
    config: [...featureConfig, `maxSessionTimeout=${LONG_SESSION_MS}`],
    env: () => featureEnv,
  });
  try {
    await new Roles(ensemble, onStep).play();
  } finally {
    await ensemble.dispose();
  }
}

class Roles {
  readonly #ensemble: EnsembleProcesses;
  readonly #onStep: (step: string) => void;
  readonly #read = new Map<number, number>();
  #znodes = 0;

  constructor(ensemble: EnsembleProcesses, onStep: (step: string) => void) {
    this.#ensemble = ensemble;
    this.#onStep = onStep;
  }

  async play(): Promise<void> {
    const ensemble = this.#ensemble;
    this.#onStep('two form a quorum; the others join empty');
    const late = [FOLLOWERS[0], OBSERVER];
    ensemble.launch(LEADER, FOLLOWERS[1]);
    assert.equal(await ensemble.settled([LEADER, FOLLOWERS[1]]), LEADER);
    await this.#write(FOLLOWERS[1], 5);
    await this.#join(late, 'snapshot');
    assert.equal(await ensemble.mode(OBSERVER), 'observer');

    this.#onStep('everything that a client can do, on each');
    await workOnEach(ensemble, 'under-the-first-leader', [1, LEADER, 2, OBSERVER]);
    await assertLevel(ensemble);

    this.#onStep('a follower and the observer come back a little behind');
    await ensemble.kill9(...late);
    await this.#write(LEADER, 20);
    await this.#join(late, 'diff');
    await assertLevel(ensemble);

    this.#onStep('the leader dies with txns that nobody else has, and comes back');
    await this.#loseTail();

    this.#onStep('everything again, under the new leader');
    assert.notEqual(await ensemble.settled(), LEADER);
    await workOnEach(ensemble, 'under-the-second-leader', [1, LEADER, 2, OBSERVER]);
    await assertLevel(ensemble);
  }

  async #loseTail(): Promise<void> {
    const ensemble = this.#ensemble;
    const { port } = ensemble.server(LEADER);
    const client = await WireClient.connect({ port, timeoutMs: LONG_SESSION_MS });
    const { sessionId, password } = client.session;
    ok(await client.create('/before-the-tail'));
    await ensemble.standStill(...FOLLOWERS);
    const unanswered = client.batch(() => ['a', 'b', 'c'].map((name) => client.create(`/tail-${name}`)));
    for (const one of unanswered) one.catch(() => {});
    await ensemble.until('the tail is in the log', async () =>
      (await this.#logHolds('/tail-c')) ? true : null,
    );
    await ensemble.kill9(LEADER);
    // What their sockets still hold of the tail goes with them.
    await ensemble.kill9(...FOLLOWERS);
    await ensemble.restart(...FOLLOWERS);
    await this.#join([LEADER], 'truncation');
    const again = await WireClient.connect({ port, sessionId, password, timeoutMs: LONG_SESSION_MS });
    assert.equal(again.session.sessionId, sessionId, 'the session has outlived its server');
    ok(await again.sync('/'));
    ok(await again.exists('/before-the-tail'));
    assert.notEqual((await again.exists('/tail-a')).err, 0);
    ok(await again.closeSession());
    await again.disconnect();
    await assertLevel(ensemble);
  }

  async #logHolds(path: string): Promise<boolean> {
    const directory = join(this.#ensemble.server(LEADER).dataDir, 'version-2');
    const names = (await readdir(directory)).filter((name) => name.startsWith('log.'));
    const logs = await Promise.all(names.map((name) => readFile(join(directory, name))));
    return logs.some((log) => log.includes(path));
  }

  /** Starts servers, and looks at how their leader has synchronised them. */
  async #join(sids: readonly number[], how: keyof typeof SYNCS): Promise<void> {
    const ensemble = this.#ensemble;
    for (const sid of sids) this.#read.set(sid, ensemble.server(sid).output.length);
    await ensemble.restart(...sids);
    for (const sid of sids) {
      const server = ensemble.server(sid);
      const said = server.output.slice(this.#read.get(sid));
      for (const [way, { [server.kind]: line }] of Object.entries(SYNCS)) {
        if (line === null) continue;
        assert.equal(line.test(said), way === how, `server ${sid} (${server.kind}), ${way}:\n${said}`);
      }
    }
  }

  async #write(sid: number, count: number): Promise<void> {
    const client = await WireClient.connect({ port: this.#ensemble.port(sid) });
    for (let i = 0; i < count; i++) ok(await client.create(`/written-${this.#znodes++}`, text(`${i}`)));
    await client.leave();
  }
}
