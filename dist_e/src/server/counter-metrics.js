/** The counters that mntr gives under Apache's names (protocol/features.md §8), where the thing exists in this server. */
export function counterMetrics(main, workers, bytesSent, startup, dropProbability) {
    const watches = [
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
        // How many each event found is counted by every worker for itself: only the sum is the server's.
        ...watches.map(([kind, count]) => integer(`sum_node_${kind}_watch_count`, count)),
        ...once('startup_txns_loaded', startup.txnsReplayed),
        ...once('dbinittime', Math.round(startup.durationMs)),
    ];
}
function integer(name, value) {
    return { name, value, kind: 'integer' };
}
function summary(name, { averageMs, minMs, maxMs, count, sumMs }) {
    return [
        { name: `avg_${name}`, value: averageMs, kind: 'decimal' },
        integer(`min_${name}`, Math.round(minMs)),
        integer(`max_${name}`, Math.round(maxMs)),
        integer(`cnt_${name}`, count),
        integer(`sum_${name}`, Math.round(sumMs)),
    ];
}
/** Something that happened once, in the form of a summary. */
function once(name, value) {
    return summary(name, { averageMs: value, minMs: value, maxMs: value, sumMs: value, count: 1 });
}
