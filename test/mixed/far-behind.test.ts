// A learner of one kind that lacks more than its leader, of the other kind, keeps in memory: it gets the log from the leader's
// disk. Skipped where Apache's jars or a Java are missing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertLevel } from '../support/ensemble-level.ts';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { apacheMissing, type ServerKind } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';

/** The highest number leads while histories are equal. */
const LEADER = 3;
const LEARNER = 1;
const OTHER = 2;
/** More than the 500 txns that Apache keeps in memory, and more than the 5 MiB that ours does. */
const WRITES = 800;
const DATA_BYTES = 10_000;
const PIPELINE = 100;

const FROM_DISK: Record<ServerKind, RegExp> = {
  menagerie: /follower 1 gets the log behind 0x[0-9a-f]+, from disk on/,
  apache: /Use txnlog and committedLog for peer sid: 1/,
};

async function writeMany(port: number, prefix: string, writes: number): Promise<void> {
  const client = await WireClient.connect({ port });
  for (let done = 0; done < writes; done += PIPELINE) {
    const replies = client.batch(() =>
      Array.from({ length: Math.min(PIPELINE, writes - done) }, (_, i) =>
        client.create(`${prefix}${done + i}`, new Uint8Array(DATA_BYTES)),
      ),
    );
    for (const reply of await Promise.all(replies)) ok(reply);
  }
  await client.leave();
}

for (const [leading, learning] of [
  ['apache', 'menagerie'],
  ['menagerie', 'apache'],
] as const) {
  const options = { skip: apacheMissing() ?? false, timeout: 300_000 };
  test(`${learning} comes back far behind, and gets the log on the disk of ${leading}`, options, async () => {
    const ensemble = await EnsembleProcesses.prepare({
      voters: 3,
      kind: (sid) => (sid === LEADER ? leading : learning),
      // A log of any length is sent; Apache makes a system property of a key that it does not know.
      config: ['snapshotSizeFactor=0', 'menagerie.committedLogMb=1', 'menagerie.logRingKb=64'],
    });
    try {
      ensemble.launch(LEADER, OTHER);
      assert.equal(await ensemble.settled([LEADER, OTHER]), LEADER);
      await ensemble.restart(LEARNER);
      await writeMany(ensemble.port(LEADER), '/seen-', 1);
      await assertLevel(ensemble);
      await ensemble.kill9(LEARNER);
      await writeMany(ensemble.port(LEADER), '/missed-', WRITES);
      const earlier = ensemble.server(LEADER).output.length;
      await ensemble.restart(LEARNER);
      const said = ensemble.server(LEADER).output.slice(earlier);
      assert.match(said, FROM_DISK[leading]);
      await assertLevel(ensemble);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${ensemble.outputs()}`, { cause: error });
    } finally {
      await ensemble.dispose();
    }
  });
}
