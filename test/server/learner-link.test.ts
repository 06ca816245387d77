import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { LearnerLink } from '../../src/server/learner-link.ts';
import { until } from '../connection/until.ts';
import { closeAll, connectedPair } from '../quorum/quorum-connections.ts';

afterEach(closeAll);

/** What the learner is sent by `send`, a line each. */
async function sentBy(send: (link: LearnerLink) => void): Promise<string[]> {
  const { toLearner, toLeader } = await connectedPair();
  send(new LearnerLink(toLearner.connection));
  toLearner.connection.outgoing.sync();
  toLearner.connection.outgoing.revalidated(0, 0, false);
  await until(() => toLeader.lines.includes('revalidated 0/0 false'), 'all comes');
  return toLeader.lines.slice(0, -2);
}

test('answers leave behind the COMMIT that they wait for, and before the next one', async () => {
  const lines = await sentBy((link) => {
    link.syncBehind(2);
    link.syncBehind(2);
    link.revalidatedBehind(3, 7, 8);
    link.syncBehind(6);
    assert.equal(link.pendingSyncs, 3);
    link.commits(1, 1, 4);
    assert.equal(link.pendingSyncs, 1);
    link.commits(1, 5, 5);
  });
  assert.deepEqual(lines, [
    'commit 1:1',
    'commit 1:2',
    'synced',
    'synced',
    'commit 1:3',
    'revalidated 7/8 true',
    'commit 1:4',
    'commit 1:5',
  ]);
});

test('an answer behind what was committed already leaves before the next COMMIT', async () => {
  const lines = await sentBy((link) => {
    link.syncBehind(4);
    link.commits(1, 5, 6);
  });
  assert.deepEqual(lines, ['synced', 'commit 1:5', 'commit 1:6']);
});

test('answers to an observer leave in their place among the INFORMs', async () => {
  const entry = Uint8Array.from([1, 2]);
  const lines = await sentBy((link) => {
    link.syncBehind(1);
    link.inform(1, 1, entry, 0, 2);
    link.inform(1, 2, entry, 0, 2);
  });
  assert.deepEqual(lines, ['inform 1:1 0102', 'synced', 'inform 1:2 0102']);
});

test('counters beyond 2^31 are in order too', async () => {
  const high = 0x8000_0000;
  const lines = await sentBy((link) => {
    link.syncBehind(high);
    link.commits(1, high - 1, high + 1);
  });
  assert.deepEqual(lines, [`commit 1:${high - 1}`, `commit 1:${high}`, 'synced', `commit 1:${high + 1}`]);
});
