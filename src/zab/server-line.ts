import { isIP } from '../protocol/ip-address.ts';

/** Where a server's quorum and election ports are. Names are as written: nobody has resolved them. */
export interface ServerAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
}

/** One server of an ensemble, as its `server.N` line says. */
export interface EnsembleServer {
  readonly sid: number;
  /** At least one; several are ways to the same server. */
  readonly addresses: readonly ServerAddress[];
  readonly role: 'participant' | 'observer';
  /** Where its clients connect to, if the line says so; host null for all of its addresses. */
  readonly client: { readonly host: string | null; readonly port: number } | null;
}

/** A configuration of an ensemble that cannot be used; the message says what is wrong and what is right. */
export class EnsembleError extends Error {
  override readonly name = 'EnsembleError';
}

const FORM = 'host:quorumPort:electionPort[:participant|:observer][;[clientHost:]clientPort]';

/**
 * Reads what stands behind `server.N=`: {@link FORM}, with several addresses of one server parted by `|`, and IPv6
 * addresses in brackets (protocol/quorum.md §8). Throws {@link EnsembleError}.
 */
export function parseServerLine(sid: number, value: string): EnsembleServer {
  const [peerPart, clientPart, ...rest] = value.split(';').map((part) => part.trim());
  if (rest.length > 0) throw new EnsembleError(`has more than one ";": must be ${FORM}`);
  const parsed = peerPart.split('|').map((part) => parseAddress(part.trim()));
  const roles = new Set(parsed.map(({ role }) => role).filter((role) => role !== null));
  if (roles.size > 1) throw new EnsembleError('is participant in one address and observer in another');
  const [role = 'participant'] = roles;
  return Object.freeze({
    sid,
    addresses: Object.freeze(parsed.map(({ address }) => address)),
    role,
    client: clientPart === undefined ? null : parseClient(clientPart),
  });
}

/** The line as all servers print it: the role always, addresses by the order of their hosts. */
export function printServerLine(server: EnsembleServer): string {
  const addresses = [...server.addresses]
    .sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0))
    .map((address) => `${delimited(address.host)}:${address.quorumPort}:${address.electionPort}`)
    .join('|');
  const client = server.client;
  const clientPart = client === null ? '' : `;${delimited(client.host ?? '0.0.0.0')}:${client.port}`;
  return `server.${server.sid}=${addresses}:${server.role}${clientPart}`;
}

function delimited(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function parseAddress(text: string): { address: ServerAddress; role: EnsembleServer['role'] | null } {
  const match = /^(\[[^\]]*\]|[^:]*):([^:]*):([^:]*)(?::([^:]*))?$/.exec(text);
  if (match === null) {
    const hint = (text.match(/:/g)?.length ?? 0) > 3 ? ' (an IPv6 address needs brackets)' : '';
    throw new EnsembleError(`must be ${FORM}${hint}`);
  }
  const [, host, quorumPort, electionPort, role] = match;
  const address = Object.freeze({
    host: parseHost(host),
    quorumPort: parsePort('quorum port', quorumPort),
    electionPort: parsePort('election port', electionPort),
  });
  return { address, role: role === undefined ? null : parseRole(role) };
}

function parseRole(text: string): EnsembleServer['role'] {
  const role = text.trim().toLowerCase();
  if (role === 'participant' || role === 'observer') return role;
  throw new EnsembleError(`"${text}" is no role: must be participant or observer`);
}

function parseHost(text: string): string {
  const host = text.trim();
  if (host.startsWith('[')) {
    const address = host.slice(1, -1);
    if (isIP(address) === 6) return address;
    throw new EnsembleError(`"${host}" is no IPv6 address`);
  }
  if (/^[^\s:;|,[\]]+$/.test(host)) return host;
  throw new EnsembleError(`"${host}" is no host name: must be ${FORM}`);
}

function parsePort(name: string, text: string): number {
  const digits = text.trim();
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new EnsembleError(`"${digits}" is no ${name}: must be a number from 1 to 65535`);
}

function parseClient(text: string): { host: string | null; port: number } {
  const match = /^(?:(\[[^\]]*\]|[^:]*):)?([^:]*)$/.exec(text);
  if (match === null) throw new EnsembleError('after the ; must stand [clientHost:]clientPort');
  const [, host, port] = match;
  return Object.freeze({
    host: host === undefined ? null : parseHost(host),
    port: parsePort('client port', port),
  });
}
