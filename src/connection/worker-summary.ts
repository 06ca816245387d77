import type { ClientConnection } from './client-connection.ts';
import type { ConnectionWorker } from './connection-worker.ts';
import { countWatches, listWatches } from './watch-summary.ts';
import type { ConnectionSummary, SummaryDetail, WorkerSummary } from './worker-data.ts';

/** What main is told of a worker: totals and the detail that it asked for. `expiresMs` tells when a connection ends. */
export function summarise(
  worker: ConnectionWorker,
  all: ReadonlyMap<number, ClientConnection>,
  detail: SummaryDetail,
  expiresMs: (connection: ClientConnection) => number,
): WorkerSummary {
  let outstanding = 0;
  let packetsSent = worker.packetsSent;
  for (const connection of all.values()) {
    outstanding += connection.outstanding;
    packetsSent += connection.packetsSent;
  }
  return {
    connections:
      detail === 'connections'
        ? Array.from(all.values(), (connection) => summariseConnection(connection, expiresMs(connection)))
        : [],
    connectionCount: all.size,
    packetsReceived: worker.packetsReceived,
    packetsSent,
    bytesSent: worker.bytesSent,
    latencyMinMs: worker.latency.minMs,
    latencyMaxMs: worker.latency.maxMs,
    latencySumMs: worker.latency.sumMs,
    latencyCount: worker.latency.count,
    outstanding,
    watches: worker.dataWatches.size + worker.childWatches.size,
    watchedPaths: worker.dataWatches.paths + worker.childWatches.paths,
    counters: { ...worker.counters },
    watchCounts: detail === 'watchCounts' ? countWatches(all.values()) : null,
    sessionWatches: detail === 'watches' ? listWatches(all.values()) : [],
  };
}

function summariseConnection(connection: ClientConnection, expiresMs: number): ConnectionSummary {
  const { latencyCount } = connection;
  return {
    address: connection.address,
    port: connection.port,
    isReading: !connection.isPaused && connection.state !== 'answering',
    isWriting: connection.unsentBytes > 0,
    queued: connection.outstanding,
    received: connection.packetsReceived,
    sent: connection.packetsSent,
    expiresMs,
    session:
      connection.state !== 'open'
        ? null
        : {
            idHigh: connection.sessionHigh,
            idLow: connection.sessionLow,
            lastOpcode: connection.lastOpcode,
            establishedMs: connection.connectedAtMs,
            timeoutMs: connection.timeoutMs,
            lastCxid: connection.lastCxid,
            lastZxidHigh: connection.lastZxidHigh,
            lastZxidLow: connection.lastZxidLow,
            lastResponseMs: Math.floor(connection.lastResponseMs),
            lastLatencyMs: connection.lastLatencyUs / 1000,
            minLatencyMs: connection.latencyMinUs / 1000,
            averageLatencyMs: latencyCount === 0 ? 0 : connection.latencySumUs / latencyCount / 1000,
            maxLatencyMs: connection.latencyMaxUs / 1000,
          },
  };
}
