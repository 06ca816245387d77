import type { ElectionPortOptions, ElectionServer } from '../quorum/election-port.ts';
import type { LeaderDiallerOptions } from '../quorum/leader-connection.ts';
import type { ListenAddress } from '../quorum/listeners.ts';
import type { QuorumPortOptions } from '../quorum/quorum-port.ts';
import type { Ensemble } from '../zab/ensemble.ts';
import type { ServerAddress } from '../zab/server-line.ts';
import type { ServerConfig } from './config.ts';
import type { EnsembleConfig } from './ensemble-config.ts';

/** How a member talks to the others, as its configuration has it. */
export interface MemberPorts {
  readonly election: Omit<ElectionPortOptions, 'log' | 'events'>;
  readonly quorum: Omit<QuorumPortOptions, 'log' | 'nextConnection' | 'onLearner'>;
  readonly dialler: Omit<LeaderDiallerOptions, 'log' | 'nextConnection' | 'onLeader' | 'onUnreachable'>;
}

/** The most identities that a client of a learner may have. */
const IDENTITIES_MAX = 1024;

/** What the configuration says about the ports between servers. Throws when the server is not in its own ensemble. */
export function memberPorts(config: ServerConfig, member: EnsembleConfig, ensemble: Ensemble): MemberPorts {
  const sid = config.serverId;
  const own = ensemble.servers.get(sid);
  if (own === undefined) throw new Error(`server ${sid} is not in its own ensemble`);
  const listen = (port: (address: ServerAddress) => number): ListenAddress[] =>
    member.listensOnAllAddresses
      ? [...new Set(own.addresses.map(port))].map((one) => ({ host: null, port: one }))
      : own.addresses.map((address) => ({ host: address.host, port: port(address) }));
  const bindRetries =
    member.electionPortBindsMax === 0 ? Number.POSITIVE_INFINITY : member.electionPortBindsMax - 1;
  const limits = {
    sendQueueBytesMax: config.learnerQueueBytesMax,
    initTimeoutMs: member.initLimitTicks * config.tickTimeMs,
    syncTimeoutMs: member.syncLimitTicks * config.tickTimeMs,
  };
  const sizes = {
    packetBytesMax: config.juteBufferBytesMax + config.juteBufferExtraBytes,
    sessionsMax: config.sessionsMax,
    identitiesMax: IDENTITIES_MAX,
    identitiesBytesMax: config.juteBufferBytesMax,
  };
  return {
    election: {
      sid,
      servers: electionServers(ensemble),
      listen: listen(({ electionPort }) => electionPort),
      bindRetries,
      connectTimeoutMs: member.electionConnectTimeoutMs,
      handshakeTimeoutMs: member.electionReadTimeoutMs,
      multiAddress: false,
    },
    quorum: { listen: listen(({ quorumPort }) => quorumPort), bindRetries, limits, sizes },
    dialler: {
      limits,
      sizes,
      connectLimitMs: member.connectToLearnerMasterLimitTicks * config.tickTimeMs,
      retryDelayMs: member.leaderConnectDelayMs,
    },
  };
}

function electionServers(ensemble: Ensemble): Map<number, ElectionServer> {
  const servers = new Map<number, ElectionServer>();
  for (const { sid, addresses, role } of ensemble.servers.values()) {
    servers.set(sid, {
      addresses: addresses.map(({ host, electionPort }) => ({ host, port: electionPort })),
      isVoter: role === 'participant',
    });
  }
  return servers;
}
