import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { delay } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok, type Reply } from '../support/wire-connection.ts';
import { Latencies, type LatencySummary, PacedLoad } from './paced-load.ts';

/** How a server is brought into step. */
export type Way = 'log' | 'snapshot';

export interface FarBehindOptions {
  /** `log`: the way is forced by snapshotSizeFactor=0; `snapshot`: by the default, as what is lacked is most of the tree. */
  readonly way: Way;
  /** Writes that it lacks, and what each stores. */
  readonly writes: number;
  readonly dataBytes: number;
  /** Writes a second that the leader's clients ask for all the time. */
  readonly rate: number;
  /** For so long that is measured before the server is started again. */
  readonly seconds: number;
  /** The server stands still, once what it lacks is on its way, until so many more writes are done. */
  readonly writesAmid?: number;
  readonly progress?: (line: string) => void;
}

export interface FarBehindReport {
  readonly way: Way;
  readonly writes: number;
  /** From the start of the process until it serves, and from its leader's decision on. */
  readonly startToServingMs: number;
  readonly decisionToServingMs: number;
  /** How long the leader's clients waited for a write: before the process was started, and until it served. */
  readonly before: LatencySummary;
  readonly meanwhile: LatencySummary;
}

/** Writes on their way at a time, while the server is down. */
const PIPELINE = 200;
/** The digests of all servers are noted every so many txns. */
const DIGEST_INTERVAL = 128;
const PATIENCE_MS = 120_000;
const LOAD_SESSIONS = 4;

const SAID: Readonly<Record<Way, RegExp>> = {
  log: /follower (\d) gets the log behind 0x[0-9a-f]+, from disk on/,
  snapshot: /follower (\d) gets a snapshot: the log behind it has more than \d+ bytes \(snapshotSizeFactor\)/,
};

/**
 * One of three servers is killed, misses more writes than the others keep in memory, and comes back while clients of the leader
 * go on writing. Throws where it is not brought into step in the way asked for, or differs from the others then.
 */
export async function runFarBehind(options: FarBehindOptions): Promise<FarBehindReport> {
  const ensemble = await EnsembleProcesses.start({
    voters: 3,
    config: [
      'menagerie.logRingKb=64',
      'menagerie.committedLogMb=1',
      'menagerie.learnerQueueMb=4',
      ...(options.way === 'log' ? ['snapshotSizeFactor=0'] : []),
    ],
  });
  try {
    return await comeBack(ensemble, options);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${ensemble.outputs()}`, { cause: error });
  } finally {
    await ensemble.dispose();
  }
}

async function comeBack(
  ensemble: EnsembleProcesses,
  { way, writes, dataBytes, rate, seconds, writesAmid = 0, progress = () => {} }: FarBehindOptions,
): Promise<FarBehindReport> {
  const leader = await ensemble.settled();
  const absent = await ensemble.aFollower();
  const port = ensemble.port(leader);
  const client = await WireClient.connect({ port });
  ok(await client.create('/behind'));
  ok(await client.create('/load', new Uint8Array(100)));
  await client.leave();
  await ensemble.kill9(absent);
  await writeMany(port, writes, new Uint8Array(dataBytes), progress);

  progress(`server ${absent} lacks ${writes} txns; ${rate} writes a second for ${seconds} s`);
  const load = await PacedLoad.start({
    port,
    path: '/load',
    sessions: LOAD_SESSIONS,
    rate,
  });
  const latencies = new Latencies();
  load.latencies = latencies;
  await delay(seconds * 1000);
  const before = latencies.takeSummary();

  const earlier = ensemble.server(leader).output.length;
  const says = (): string => ensemble.server(leader).output.slice(earlier);
  const startedMs = performance.now();
  ensemble.launch(absent);
  await ensemble.until('its leader decides', async () => (/ gets /.test(says()) ? true : null), PATIENCE_MS);
  const decidedMs = performance.now();
  if (writesAmid > 0) {
    ensemble.pause(absent);
    await writeMany(port, writesAmid, new Uint8Array(dataBytes), progress, '/behind/amid-');
    assert.equal(await ensemble.mode(absent), null);
    ensemble.resume(absent);
  }
  await ensemble.until(
    `server ${absent} is in step again`,
    async () => ((await ensemble.mode(absent)) === 'follower' ? true : null),
    PATIENCE_MS,
  );
  const servingMs = performance.now();
  const meanwhile = latencies.takeSummary();
  const decisions = [...says().matchAll(/follower \d gets /g)].length;
  assert.equal(SAID[way].exec(says())?.[1], `${absent}`, `not by ${way}`);
  assert.equal(decisions, 1, 'it was cut off amid it');

  // So that all have noted digests of the same txns since then.
  await writeMany(port, 2 * DIGEST_INTERVAL, new Uint8Array(1), () => {}, '/behind/digest-');
  await load.stop();
  await assertSameDigests(ensemble, absent);
  return {
    way,
    writes,
    startToServingMs: Math.round(servingMs - startedMs),
    decisionToServingMs: Math.round(servingMs - decidedMs),
    before,
    meanwhile,
  };
}

async function writeMany(
  port: number,
  writes: number,
  data: Uint8Array,
  progress: (line: string) => void,
  prefix = '/behind/n',
): Promise<void> {
  const client = await WireClient.connect({ port });
  for (let done = 0; done < writes; done += PIPELINE) {
    const count = Math.min(PIPELINE, writes - done);
    const replies = client.batch(() =>
      Array.from(
        { length: count },
        (_, i): Promise<Reply<unknown>> => client.create(`${prefix}${done + i}`, data),
      ),
    );
    for (const reply of await Promise.all(replies)) ok(reply);
    if (done > 0 && done % 20_000 === 0) progress(`${done} of ${writes} written`);
  }
  await client.leave();
}

/** Where servers have noted a digest for the same zxid it is the same, and the one that came back has some since. */
async function assertSameDigests(ensemble: EnsembleProcesses, cameBack: number): Promise<void> {
  const sids = [cameBack, ...ensemble.sids.filter((sid) => sid !== cameBack)];
  await ensemble.until('all have noted a digest for the same last txn', async () => {
    const digests = await Promise.all(sids.map((sid) => digestsOf(ensemble, sid)));
    const [own, ...others] = digests;
    const newest = [...own.keys()].at(-1);
    if (newest === undefined || others.some((other) => !other.has(newest))) return null;
    let compared = 0;
    for (const other of others) {
      for (const [zxid, digest] of other) {
        if (!own.has(zxid)) continue;
        assert.equal(own.get(zxid), digest, `the digest at ${zxid}`);
        compared++;
      }
    }
    return compared >= others.length ? true : null;
  });
}

async function digestsOf(ensemble: EnsembleProcesses, sid: number): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const [, zxid, digest] of (await ensemble.word(sid, 'hash')).matchAll(/^([0-9a-f]+): (-?\d+)$/gm)) {
    digests.set(zxid, digest);
  }
  return digests;
}

const HELP = `One of three servers is killed, misses many writes and comes back while clients of the leader write on. Says how long it takes
until it is in step, and how long the clients' writes take before and meanwhile. Give it a machine that does nothing else.

  node dist/test/catch-up/far-behind.js [--way WAY] [--writes N] [--data-bytes N] [--rate N] [--seconds N]

  --way WAY         log (DIFF from the leader's log files) or snapshot (SNAP); one after the other if not given
  --writes N        writes that it misses (100000)
  --data-bytes N    that each of them stores (100)
  --rate N          writes a second of the leader's clients (500)
  --seconds N       for so long they are measured before the server comes back (5)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      way: { type: 'string' },
      writes: { type: 'string', default: '100000' },
      'data-bytes': { type: 'string', default: '100' },
      rate: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '5' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  for (const way of ['log', 'snapshot'] as const) {
    if (values.way !== undefined && values.way !== way) continue;
    const report = await runFarBehind({
      way,
      writes: Number(values.writes),
      dataBytes: Number(values['data-bytes']),
      rate: Number(values.rate),
      seconds: Number(values.seconds),
      progress: (line) => console.log(line),
    });
    console.log(report);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
