import fs from 'node:fs';
import { createServer } from 'node:net';
import nodePath from 'node:path';
import type { ServerConfig } from '../../server/config.ts';
import { DirectoryLock } from '../../storage/directory-lock.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { readPidFile } from '../pid-file.ts';
import { type Findings, sizeText } from './findings.ts';

const MB = 1 << 20;
/** What the server keeps free unless told otherwise (server/disk-guard). */
const DISK_RESERVE_BYTES = 256 * MB;
const DISK_RESERVE_PART = 10;

/** A process that runs on the data, and how that is known. */
export interface RunningServer {
  readonly pid: number;
  readonly how: string;
}

/**
 * The servers that run on these directories: by our lock, by the pid file of the scripts, and by the files that processes have
 * open, as far as this user may look (on Linux). Throws DataDirectoryError for a lock that cannot be read.
 */
export function serversOn(directories: readonly string[], pidFile: string): RunningServer[] {
  const found = new Map<number, string>();
  for (const pid of processesOn(directories.map(realPath)))
    found.set(pid, `${commandOf(pid)}, by its open files`);
  const named = readPidFile(pidFile);
  if (named !== null) found.set(named, `${commandOf(named)}, by ${pidFile}`);
  for (const directory of directories) {
    const holder = DirectoryLock.holder(nodeFileSystem, directory);
    if (holder !== null) found.set(holder, `${commandOf(holder)}, by its lock`);
  }
  return [...found].map(([pid, how]) => ({ pid, how }));
}

function processesOn(directories: readonly string[]): number[] {
  const found: number[] = [];
  for (const pid of namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    if (pid === process.pid) continue;
    const isOn = namesIn(`/proc/${pid}/fd`).some((fd) => {
      const target = linkTarget(`/proc/${pid}/fd/${fd}`);
      return target !== null && directories.includes(nodePath.dirname(target));
    });
    if (isOn) found.push(pid);
  }
  return found;
}

function commandOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return 'a program';
  }
}

/** Whether the server could write where it must: missing directories count by the one above that is there. */
export function checkPermissions(
  directories: readonly string[],
  mayCreate: boolean,
  findings: Findings,
): void {
  for (const directory of directories) {
    let existing = directory;
    while (!fs.existsSync(existing) && nodePath.dirname(existing) !== existing)
      existing = nodePath.dirname(existing);
    if (existing !== directory && !mayCreate)
      findings.block(`${directory}: missing, and datadir.autocreate is false`);
    else if (!fs.statSync(existing).isDirectory()) findings.block(`${existing}: not a directory`);
    else if (!mayWrite(existing)) findings.block(`${existing}: cannot be written by this user`);
  }
}

function mayWrite(path: string): boolean {
  try {
    fs.accessSync(path, fs.constants.W_OK | fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether there is room for logs. */
export function checkDisk(logDirectory: string, reserveBytes: number | null, findings: Findings): void {
  let existing = logDirectory;
  while (!fs.existsSync(existing) && nodePath.dirname(existing) !== existing)
    existing = nodePath.dirname(existing);
  const { bavail, bsize, blocks } = fs.statfsSync(existing);
  const free = bavail * bsize;
  const reserve =
    reserveBytes ?? Math.min(DISK_RESERVE_BYTES, Math.floor((blocks * bsize) / DISK_RESERVE_PART));
  findings.fact('disk', `${sizeText(free)} free for logs, ${sizeText(reserve)} of it kept in reserve`);
  if (free < reserve) {
    findings.block(
      `${existing}: ${sizeText(free)} free, less than the reserve of ${sizeText(reserve)} (menagerie.diskReserveMb): writes ` +
        'would be refused',
    );
  }
}

interface Port {
  readonly what: string;
  readonly host: string | null;
  readonly port: number;
}

/** The ports that a server of this configuration opens. */
function portsOf(config: ServerConfig): Port[] {
  const ports: Port[] = [];
  if (config.clientPort !== 0)
    ports.push({ what: 'client port', host: config.clientPortAddress, port: config.clientPort });
  const own = config.ensemble?.servers.find(({ sid }) => sid === config.serverId);
  for (const { host, quorumPort, electionPort } of own?.addresses ?? []) {
    const listensOn = config.ensemble?.listensOnAllAddresses ? null : host;
    ports.push({ what: 'quorum port', host: listensOn, port: quorumPort });
    ports.push({ what: 'election port', host: listensOn, port: electionPort });
  }
  return ports;
}

/** Opens and closes each port once. */
export async function checkPorts(
  config: ServerConfig,
  findings: Findings,
  isTaken: (problem: string) => void,
) {
  for (const { what, host, port } of portsOf(config)) {
    const code = await tryListen(host, port);
    const place = `${what} ${host ?? '*'}:${port}`;
    if (code === null) continue;
    if (code === 'EADDRINUSE') isTaken(`${place} is in use by another process`);
    else if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      findings.differ(`${place}: the name does not resolve here now`);
    else if (code === 'EADDRNOTAVAIL')
      findings.block(`${place}: not an address of this machine (quorumListenOnAllIPs=true opens all)`);
    else findings.block(`${place} cannot be opened: ${code}`);
  }
}

function tryListen(host: string | null, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, ...(host === null ? {} : { host }) }, () => server.close(() => resolve(null)));
  });
}

function namesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch {
    return [];
  }
}

function linkTarget(path: string): string | null {
  try {
    return fs.readlinkSync(path);
  } catch {
    return null;
  }
}

function realPath(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch {
    return path;
  }
}
