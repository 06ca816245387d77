import type { LatencySummary } from '../connection/latency.ts';
import type { CounterValues } from '../connection/worker-counters.ts';
import type { MetricValue } from './four-letter-words.ts';
import type { MainCounters } from './main-counters.ts';

/** What was read at the start; it does not change with srst. */
export interface StartupFacts {
  readonly txnsReplayed: number;
  readonly durationMs: number;
}

/** The counters that mntr gives under Apache's names (protocol/features.md §8), where the thing exists in this server. */
export function counterMetrics(
  main: MainCounters,
  workers: CounterValues,
  bytesSent: number,
  startup: StartupFacts,
  dropProbability: number,
): MetricValue[] {
  const watches: readonly (readonly [string, number])[] = [
    ['created', workers.createdWatches],
    ['deleted', workers.deletedWatches],
    ['changed', workers.changedWatches],
    ['children', workers.childrenWatches],
  ];
  return [
    integer('proposal_count', main.proposals),
    integer('commit_count', main.commits),
    integer('connection_request_count', main.connectionRequests),
    integer('connection_rejected', workers.connectionsRejected + main.connectionsThrottled),
    { name: 'connection_drop_probability', value: dropProbability, kind: 'decimal' },
    integer('sessionless_connections_expired', workers.sessionlessExpired),
    integer('stale_sessions_expired', main.sessionsExpired),
    integer('auth_failed_count', workers.authFailed),
    integer('bytes_received_count', workers.bytesReceived),
    integer('response_bytes', bytesSent),
    integer('large_requests_rejected', workers.largeRequestsRejected),
    integer('throttled_ops', workers.throttledOps),
    integer('request_throttle_wait_count', workers.throttleWaits),
    ...summary('connection_token_deficit', main.connectionTokenDeficit),
    ...summary('snapshottime', main.snapshotTime),
    integer('snapshot_error_count', main.snapshotErrors),
    integer('digest_mismatches_count', main.digestMismatches),
    // How many each event found is counted by every worker for itself: only the sum is the server's.
    ...watches.map(([kind, count]) => integer(`sum_node_${kind}_watch_count`, count)),
    ...once('startup_txns_loaded', startup.txnsReplayed),
    ...once('dbinittime', Math.round(startup.durationMs)),
  ];
}

function integer(name: string, value: number): MetricValue {
  return { name, value, kind: 'integer' };
}

type SummaryValues = Pick<LatencySummary, 'averageMs' | 'minMs' | 'maxMs' | 'count' | 'sumMs'>;

function summary(name: string, { averageMs, minMs, maxMs, count, sumMs }: SummaryValues): MetricValue[] {
  return [
    { name: `avg_${name}`, value: averageMs, kind: 'decimal' },
    integer(`min_${name}`, Math.round(minMs)),
    integer(`max_${name}`, Math.round(maxMs)),
    integer(`cnt_${name}`, count),
    integer(`sum_${name}`, Math.round(sumMs)),
  ];
}

/** Something that happened once, in the form of a summary. */
function once(name: string, value: number): MetricValue[] {
  return summary(name, { averageMs: value, minMs: value, maxMs: value, sumMs: value, count: 1 });
}
