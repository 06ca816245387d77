import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnsembleConfig } from '../../src/server/ensemble-config.ts';
import type { EnsembleMember } from '../../src/server/ensemble-member.ts';
import { memberConfiguration, memberMetrics, peerState } from '../../src/server/member-status.ts';
import { Ensemble } from '../../src/zab/ensemble.ts';
import type { Role } from '../../src/zab/output.ts';

const ensemble = Ensemble.parse(
  ['1=a:2888:3888', '2=b:2889:3889', '3=c:2890:3890', '4=d:2891:3891:observer']
    .map((line) => `server.${line}`)
    .join('\n'),
);

function configuration(of: Ensemble, sid: number): string[] {
  const config = {
    text: of.text,
    servers: [...of.servers.values()],
    isObserver: !of.isVoter(sid),
    initLimitTicks: 10,
    syncLimitTicks: 5,
  };
  return memberConfiguration(config as unknown as EnsembleConfig, sid).split('\n');
}

type Shown = Pick<
  EnsembleMember,
  'role' | 'isServing' | 'isLeading' | 'learnerSids' | 'pendingSyncs' | 'servesSinceMs'
>;

function member(role: Role, shown: Partial<Shown> = {}): EnsembleMember {
  const isServing = shown.isServing ?? role.kind !== 'looking';
  const nothing = { learnerSids: [], pendingSyncs: 0, servesSinceMs: 0 };
  const isLeading = isServing && role.kind === 'leading';
  return { ...nothing, role, isServing, isLeading, ...shown } as unknown as EnsembleMember;
}

test('conf of a participant: its own ports, and everyone in the membership', () => {
  assert.deepEqual(configuration(ensemble, 2), [
    'initLimit=10',
    'syncLimit=5',
    'electionAlg=3',
    'electionPort=3889',
    'quorumPort=2889',
    'peerType=0',
    'membership: ',
    'server.1=a:2888:3888:participant',
    'server.2=b:2889:3889:participant',
    'server.3=c:2890:3890:participant',
    'server.4=d:2891:3891:observer',
    'version=0',
  ]);
});

test('conf of an observer, and of a server with several addresses', () => {
  assert.equal(configuration(ensemble, 4)[5], 'peerType=1');
  const several = Ensemble.parse('server.1=a:1:2|b:3:4\nserver.2=c:1:2\nserver.3=d:1:2');
  assert.deepEqual(configuration(several, 1).slice(3, 5), ['electionPort=2|4', 'quorumPort=1|3']);
});

test('mntr tells what a member is, and whether it serves in it', () => {
  assert.equal(peerState(member({ kind: 'looking' })), 'looking - election');
  const following: Role = { kind: 'following', leader: 3, epoch: 2 };
  assert.equal(peerState(member(following, { isServing: false })), 'following - synchronization');
  assert.equal(peerState(member(following)), 'following - broadcast');
  assert.equal(peerState(member({ kind: 'leading', epoch: 2 })), 'leading - broadcast');
  assert.equal(peerState(member({ kind: 'observing', leader: 3, epoch: 2 })), 'observing - broadcast');
});

test('the metrics of learners are a leader’s; observers are counted for themselves', () => {
  const values = (of: EnsembleMember) =>
    Object.fromEntries(memberMetrics(of, ensemble).map(({ name, value }) => [name, value]));
  const shown = { learnerSids: [1, 2, 4], pendingSyncs: 6, servesSinceMs: 12.6 };
  assert.deepEqual(values(member({ kind: 'leading', epoch: 2 }, shown)), {
    quorum_size: 3,
    learners: 3,
    synced_followers: 2,
    synced_non_voting_followers: 0,
    synced_observers: 1,
    pending_syncs: 6,
    leader_uptime: 13,
  });
  assert.deepEqual(values(member({ kind: 'following', leader: 3, epoch: 2 }, shown)), { quorum_size: 3 });
});
