import { HierarchicalQuorum } from './hierarchical-quorum.ts';
import { MajorityQuorum, type QuorumVerifier } from './quorum-verifier.ts';
import { EnsembleError, type EnsembleServer, parseServerLine, printServerLine } from './server-line.ts';

/** What an ensemble is made of. */
export interface EnsembleParts {
  readonly servers: readonly EnsembleServer[];
  /** Sids by group; none for a plain majority. */
  readonly groups?: ReadonlyMap<number, readonly number[]>;
  /** By sid, 1 where nothing is said; counts only with groups. */
  readonly weights?: ReadonlyMap<number, number>;
  /** The zxid of the txn that made it, or 0. */
  readonly version?: bigint;
}

/** Session ids carry the sid in their top byte. */
export const SID_MAX = 255;
/** A configuration's text travels in every notification; no real one comes near this. */
const TEXT_LENGTH_MAX = 65_536;

/**
 * The servers of an ensemble in one version, with what they are to each other and which sets of them are a quorum
 * (protocol/quorum.md §8). Immutable.
 */
export class Ensemble {
  /** By sid, ascending. */
  readonly servers: ReadonlyMap<number, EnsembleServer>;
  /** Sids of those that vote, ascending. */
  readonly voters: readonly number[];
  /** Sids of those that only learn, ascending. */
  readonly observers: readonly number[];
  readonly verifier: QuorumVerifier;
  readonly version: bigint;
  /** What servers tell each other, line by line, the version last. {@link parse} reads it. */
  readonly text: string;
  readonly #parts: EnsembleParts;

  /** Throws {@link EnsembleError} for servers, groups or weights that do not go together. */
  constructor(parts: EnsembleParts) {
    const servers = [...parts.servers].sort((a, b) => a.sid - b.sid);
    checkServers(servers);
    const groups = new Map(parts.groups);
    const weights = new Map(parts.weights);
    this.#parts = { servers, groups, weights };
    this.servers = new Map(servers.map((server) => [server.sid, server]));
    this.voters = Object.freeze(servers.filter(({ role }) => role === 'participant').map(({ sid }) => sid));
    this.observers = Object.freeze(servers.filter(({ role }) => role === 'observer').map(({ sid }) => sid));
    this.version = parts.version ?? 0n;
    this.verifier = quorumVerifier(this.voters, this.servers, groups, weights);
    this.text = print(servers, groups, weights, this.version);
  }

  /** Reads a configuration's text; lines may come in any order. Throws {@link EnsembleError}. */
  static parse(text: string): Ensemble {
    if (text.length > TEXT_LENGTH_MAX)
      throw new EnsembleError(`a configuration of ${text.length} characters: more than ${TEXT_LENGTH_MAX}`);
    const lines = text.split('\n').map((line) => line.trim());
    const servers: EnsembleServer[] = [];
    const groups = new Map<number, readonly number[]>();
    const weights = new Map<number, number>();
    let version = 0n;
    for (const line of lines) {
      if (line === '') continue;
      const equals = line.indexOf('=');
      const key = line.slice(0, Math.max(0, equals)).trim();
      const value = line.slice(equals + 1).trim();
      if (key === 'version') version = parseVersion(value);
      else parseEnsembleLine(key, value, { servers, groups, weights });
    }
    return new Ensemble({ servers, groups, weights, version });
  }

  /** Whether this server has a vote. */
  isVoter(sid: number): boolean {
    return this.servers.get(sid)?.role === 'participant';
  }

  /** The same servers as another version. */
  withVersion(version: bigint): Ensemble {
    return new Ensemble({ ...this.#parts, version });
  }
}

/** Where {@link parseEnsembleLine} puts what it reads. */
export interface EnsembleLines {
  readonly servers: EnsembleServer[];
  readonly groups: Map<number, readonly number[]>;
  readonly weights: Map<number, number>;
}

/** Reads one `server.N`, `group.N` or `weight.N`. Throws {@link EnsembleError}, also for any other key. */
export function parseEnsembleLine(key: string, value: string, into: EnsembleLines): void {
  const match = /^(server|group|weight)\.(\d{1,9})$/.exec(key);
  if (match === null) {
    const kind = /^(server|group|weight)\./.exec(key)?.[1];
    throw new EnsembleError(
      kind === undefined
        ? `"${key}" is none of server.N, group.N, weight.N, version`
        : `the key must be ${kind}.N with N a number`,
    );
  }
  const id = Number(match[2]);
  if (match[1] !== 'group' && id > SID_MAX)
    throw new EnsembleError(`${id} is no server's number: must be from 0 to ${SID_MAX}`);
  switch (match[1]) {
    case 'server':
      if (into.servers.some(({ sid }) => sid === id)) throw new EnsembleError(`server ${id} is there twice`);
      into.servers.push(parseServerLine(id, value));
      return;
    case 'group':
      if (into.groups.has(id)) throw new EnsembleError(`group ${id} is there twice`);
      into.groups.set(id, parseGroup(value));
      return;
    case 'weight':
      if (into.weights.has(id)) throw new EnsembleError(`the weight of server ${id} is there twice`);
      into.weights.set(id, parseWeight(value));
  }
}

function parseGroup(value: string): readonly number[] {
  const sids = value.split(':').map((part) => part.trim());
  if (!sids.every((sid) => /^\d{1,3}$/.test(sid)))
    throw new EnsembleError('must be the numbers of servers, as in 1:2:3');
  return Object.freeze(sids.map(Number));
}

function parseWeight(value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new EnsembleError('must be a whole number from 0 to 999999');
  return Number(value);
}

function parseVersion(value: string): bigint {
  if (!/^[0-9a-fA-F]{1,16}$/.test(value)) throw new EnsembleError(`version=${value}: must be hexadecimal`);
  return BigInt.asIntN(64, BigInt(`0x${value}`));
}

function quorumVerifier(
  voters: readonly number[],
  servers: ReadonlyMap<number, EnsembleServer>,
  groups: ReadonlyMap<number, readonly number[]>,
  weights: ReadonlyMap<number, number>,
): QuorumVerifier {
  for (const sid of weights.keys()) {
    if (!servers.has(sid))
      throw new EnsembleError(`a weight is given to server ${sid}, which is not in the list`);
  }
  try {
    if (groups.size > 0) return new HierarchicalQuorum(voters, groups, weights);
    // Apache takes weights only together with groups: its servers would not understand this one's notifications.
    if (weights.size > 0) throw new RangeError(`weights need groups: add group.1=${voters.join(':')}`);
    return new MajorityQuorum(voters);
  } catch (error) {
    if (error instanceof RangeError) throw new EnsembleError(error.message);
    throw error;
  }
}

/** No sid twice, and no place on the network that two ports would share. */
function checkServers(servers: readonly EnsembleServer[]): void {
  const owners = new Map<string, string>();
  const claim = (host: string, port: number, owner: string) => {
    const place = `${host.toLowerCase()} port ${port}`;
    const other = owners.get(place);
    if (other !== undefined)
      throw new EnsembleError(`${other} and ${owner} are both at ${host} port ${port}`);
    owners.set(place, owner);
  };
  let last: EnsembleServer | null = null;
  for (const server of servers) {
    const { sid, addresses, client } = server;
    if (last?.sid === sid) throw new EnsembleError(`server ${sid} is there twice`);
    last = server;
    for (const { host, quorumPort, electionPort } of addresses) {
      claim(host, quorumPort, `server ${sid}'s quorum port`);
      claim(host, electionPort, `server ${sid}'s election port`);
    }
    if (client === null) continue;
    // A wildcard stands for the server's own hosts, which others may have too when they share a machine.
    const hosts = isWildcard(client.host) ? addresses.map(({ host }) => host) : [client.host];
    for (const host of new Set(hosts)) claim(host ?? '', client.port, `server ${sid}'s client port`);
  }
}

function isWildcard(host: string | null): boolean {
  return host === null || host === '0.0.0.0' || host === '::';
}

function print(
  servers: readonly EnsembleServer[],
  groups: ReadonlyMap<number, readonly number[]>,
  weights: ReadonlyMap<number, number>,
  version: bigint,
): string {
  const lines = servers.map(printServerLine);
  const ascending = <T>(map: ReadonlyMap<number, T>) => [...map].sort(([a], [b]) => a - b);
  for (const [group, sids] of ascending(groups)) lines.push(`group.${group}=${sids.join(':')}`);
  for (const [sid, weight] of ascending(weights)) lines.push(`weight.${sid}=${weight}`);
  lines.push(`version=${BigInt.asUintN(64, version).toString(16)}`);
  return lines.join('\n');
}
