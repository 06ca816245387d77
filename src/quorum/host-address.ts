import { isIP } from 'node:net';

/** Where a server can be reached: a name or an address (IPv6 without brackets), and a port. */
export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, an IPv6 address in brackets. */
export function formatHostAddress({ host, port }: HostAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads `host:port` or `[address]:port`; null when it is neither. */
export function parseHostAddress(text: string): HostAddress | null {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, address, name, portText] = match;
  const port = Number(portText);
  if (port < 1 || port > 65_535) return null;
  if (address !== undefined) return isIP(address) === 6 ? { host: address, port } : null;
  return { host: name, port };
}

/** Whether a host stands for all addresses of a machine, and so tells nobody where to dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (isIP(host) === 6 && /^[0:]+$/.test(host));
}
