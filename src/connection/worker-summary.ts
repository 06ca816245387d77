import type { ClientConnection } from './client-connection.ts';
import type { ConnectionWorker } from './connection-worker.ts';
import type { ConnectionSummary, WorkerSummary } from './worker-data.ts';

/** What main is told of a worker: totals, and the connections that `described` lists. */
export function summarise(
  worker: ConnectionWorker,
  all: ReadonlyMap<number, ClientConnection>,
  described: readonly ClientConnection[],
): WorkerSummary {
  let outstanding = 0;
  let packetsSent = worker.packetsSent;
  for (const connection of all.values()) {
    outstanding += connection.outstanding;
    packetsSent += connection.packetsSent;
  }
  return {
    connections: described.map(summariseConnection),
    connectionCount: all.size,
    packetsReceived: worker.packetsReceived,
    packetsSent,
    bytesReceived: worker.bytesReceived,
    latencyMinMs: worker.latency.minMs,
    latencyMaxMs: worker.latency.maxMs,
    latencySumMs: worker.latency.sumMs,
    latencyCount: worker.latency.count,
    outstanding,
    watches: worker.dataWatches.size + worker.childWatches.size,
    watchedPaths: worker.dataWatches.paths + worker.childWatches.paths,
    connectionsRejected: worker.connectionsRejected,
  };
}

function summariseConnection(connection: ClientConnection): ConnectionSummary {
  const { latency } = connection;
  return {
    address: connection.address,
    port: connection.port,
    isReading: !connection.isPaused,
    isWriting: connection.output.unsentBytes > 0,
    queued: connection.outstanding,
    received: connection.packetsReceived,
    sent: connection.packetsSent,
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
            lastLatencyMs: connection.lastLatencyMs,
            minLatencyMs: latency.minMs,
            averageLatencyMs: latency.averageMs,
            maxLatencyMs: latency.maxMs,
          },
  };
}
