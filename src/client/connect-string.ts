import { ErrorCode } from '../protocol/error-code.ts';
import { BadArgumentsError } from './errors.ts';
import { pathProblem } from './paths.ts';

const PORT_DEFAULT = 2181;

export interface ServerName {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface ConnectString {
  readonly servers: readonly ServerName[];
  /** The path under which everything of this client lies; empty for none. */
  readonly chroot: string;
}

/**
 * Reads `host:port,host:port/chroot`. IPv6 addresses stand in brackets when a port follows (`[::1]:2181`); the port is 2181 if
 * none is given. Throws {@link BadArgumentsError} that says what is wrong with it.
 */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf('/');
  const chroot = slash < 0 ? '' : text.slice(slash);
  const problem = chroot === '' || chroot === '/' ? null : pathProblem(chroot);
  if (problem !== null) throw bad(text, `the chroot ${problem}`);
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const servers = hosts.split(',').map((part) => parseServer(part.trim(), text));
  return { servers, chroot: chroot === '/' ? '' : chroot };
}

function parseServer(part: string, text: string): ServerName {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(part);
  if (bracketed !== null) return { host: bracketed[1], port: parsePort(bracketed[2], text) };
  // More than one colon: an IPv6 address without a port.
  if (part.indexOf(':') !== part.lastIndexOf(':')) return { host: part, port: PORT_DEFAULT };
  const [host, port] = part.split(':', 2);
  if (host === '') throw bad(text, 'a host is missing');
  return { host, port: parsePort(port, text) };
}

function parsePort(port: string | undefined, text: string): number {
  if (port === undefined) return PORT_DEFAULT;
  const value = Number(port);
  if (!/^\d{1,5}$/.test(port) || value < 1 || value > 65535)
    throw bad(text, `'${port}' is no port (1 to 65535)`);
  return value;
}

function bad(text: string, reason: string): BadArgumentsError {
  return new BadArgumentsError(ErrorCode.BADARGUMENTS, `connect string '${text}': ${reason}`);
}

/** The server as it is written in a connect string. */
export function serverText({ host, port }: ServerName): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
