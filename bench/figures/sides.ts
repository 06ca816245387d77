import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { OpCode } from '../../src/protocol/opcode.ts';
import { fourLetterWord } from '../../test/support/four-letter-word.ts';
import { apacheMissing, ServerProcess } from '../../test/support/server-process.ts';
import { BareConnection, creation, ReplyAt, requestFrame } from './bare-connection.ts';

export type Side = 'menagerie' | 'apache';

/** Netty and the parallel collector: the fastest variant of Apache that was found. */
const APACHE_JAVA = [
  ...['-Xms2g', '-Xmx2g', '-XX:+UseParallelGC'],
  '-Dzookeeper.serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory',
];
const CONFIG = ['maxSessionTimeout=600000'];
/** Creates that the filling client has under way: below Apache's globalOutstandingLimit. */
const FILL_DEPTH = 500;
const FILL_PATH = '/filled';

/** The sides that can be measured here; says so where Apache cannot. */
export function sides(): Side[] {
  const missing = apacheMissing();
  if (missing === null) return ['menagerie', 'apache'];
  say(`Apache ZooKeeper is left out: ${missing}`);
  return ['menagerie'];
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A server on a directory of its own, laid out and not started. Dispose of it. */
export function prepareSide(side: Side, config: readonly string[] = []): Promise<ServerProcess> {
  return ServerProcess.prepare(side, { config: [...CONFIG, ...config], javaOptions: APACHE_JAVA });
}

/** Runs `measure` on a started server, and ends it. */
export async function withSide<T>(
  side: Side,
  measure: (server: ServerProcess) => Promise<T>,
  config: readonly string[] = [],
): Promise<T> {
  const server = await prepareSide(side, config);
  try {
    await server.start();
    return await measure(server);
  } finally {
    await server.dispose();
  }
}

/** The name of the number `n` among filled znodes. */
export function filledName(n: number): string {
  return `k${n.toString().padStart(7, '0')}`;
}

/** The path of the number `n` among filled znodes. */
export function filledPath(n: number): string {
  return `${FILL_PATH}/${filledName(n)}`;
}

/** Creates so many znodes with so many bytes of data, all below one. */
export async function fill(server: ServerProcess, znodes: number, bytes: number): Promise<void> {
  const connection = await BareConnection.open(server.port);
  const data = Buffer.alloc(bytes, 'x');
  const create = (path: string, xid: number) => requestFrame(xid, OpCode.create, creation(path, data));
  const error = await connection.ask(create(FILL_PATH, 0));
  if (error !== 0) throw new Error(`${server.kind}: ${FILL_PATH} cannot be created: ${error}`);
  const startedMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    const sendMore = () => {
      const frames: Buffer[] = [];
      while (sent < znodes && sent - answered < FILL_DEPTH) frames.push(create(filledPath(sent), ++sent));
      if (frames.length > 0) connection.send(Buffer.concat(frames));
    };
    connection.onFrame = (reply, at) => {
      const code = reply.readInt32BE(at + ReplyAt.error);
      if (code !== 0) reject(new Error(`${server.kind}: create number ${answered} failed: ${code}`));
      if (++answered === znodes) resolve();
      else if (sent - answered <= FILL_DEPTH / 2) sendMore();
      if (answered % 100_000 === 0) say(`${server.kind}: ${answered} of ${znodes} znodes`);
    };
    sendMore();
  });
  connection.close();
  say(`${server.kind}: filled in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

/** Resident memory of the server's process, in bytes. */
export async function residentBytes(server: ServerProcess): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Processor time that the server's process has used so far, in milliseconds (in steps of 10). */
export async function processorMs(server: ServerProcess): Promise<number> {
  const stat = await readFile(`/proc/${server.pid}/stat`, 'utf8');
  // Fields are counted from behind the name, which may hold anything; the first there is the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/**
 * Bytes that the side's data and sessions take, as exactly as it can be known: the replica's used bytes, or Apache's live
 * heap after a full collection. Null where there is no `jcmd` (a JDK's, not a JRE's).
 */
export async function liveBytes(server: ServerProcess): Promise<number | null> {
  if (server.kind === 'menagerie') {
    const mntr = await fourLetterWord(server.port, 'mntr');
    return Number(/^zk_replica_memory_used_bytes\t(\d+)/m.exec(mntr)?.[1]);
  }
  const run = promisify(execFile);
  try {
    await run('jcmd', [String(server.pid), 'GC.run']);
    const { stdout } = await run('jcmd', [String(server.pid), 'GC.class_histogram'], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return Number(/^Total\s+\d+\s+(\d+)/m.exec(stdout)?.[1]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1048576).toFixed(0)} MiB`;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The value that so large a part (0 to 1) of the values is not above. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** A positive whole number of an option, or the end with exit code 2. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} ${text}: give a whole number above 0\n`);
  process.exit(2);
}
