import type { Ensemble } from '../zab/ensemble.ts';
import type { EnsembleConfig } from './ensemble-config.ts';
import type { EnsembleMember } from './ensemble-member.ts';
import type { MetricValue } from './four-letter-words.ts';

/** What conf says of a member behind what it says of every server (protocol/client.md §12): no newline at its end. */
export function memberConfiguration(member: EnsembleConfig, sid: number): string {
  const own = member.servers.find((server) => server.sid === sid);
  const ports = (port: 'electionPort' | 'quorumPort'): string =>
    own === undefined ? '' : own.addresses.map((address) => address[port]).join('|');
  return [
    `initLimit=${member.initLimitTicks}`,
    `syncLimit=${member.syncLimitTicks}`,
    'electionAlg=3',
    `electionPort=${ports('electionPort')}`,
    `quorumPort=${ports('quorumPort')}`,
    `peerType=${member.isObserver ? 1 : 0}`,
    'membership: ',
    member.text,
  ].join('\n');
}

/** zk_peer_state of mntr. */
export function peerState(member: EnsembleMember): string {
  const state = member.role.kind;
  if (!member.isServing) return `${state} - ${state === 'looking' ? 'election' : 'synchronization'}`;
  return `${state} - broadcast`;
}

/** Metrics that only members have, under Apache's names (protocol/features.md §8). */
export function memberMetrics(member: EnsembleMember, ensemble: Ensemble): MetricValue[] {
  const integer = (name: string, value: number): MetricValue => ({ name, value, kind: 'integer' });
  const metrics = [integer('quorum_size', ensemble.voters.length)];
  if (!member.isLeading) return metrics;
  const learners = member.learnerSids;
  const followers = learners.filter((sid) => ensemble.isVoter(sid));
  return [
    ...metrics,
    integer('learners', learners.length),
    integer('synced_followers', followers.length),
    integer('synced_non_voting_followers', 0),
    integer('synced_observers', learners.length - followers.length),
    integer('pending_syncs', member.pendingSyncs),
    integer('leader_uptime', Math.round(member.servesSinceMs)),
  ];
}
