// `npm run bench:snapshot`: what a running snapshot does to the latency of reads and writes.

import { Command } from 'commander';
import { OpCode } from '../../src/protocol/opcode.ts';
import { delay } from '../../test/support/server-process.ts';
import { BareConnection, pathAndData, pathAndWatch, requestFrame } from './bare-connection.ts';
import { fill, filledPath, percentile, say, wholeNumber, withSide } from './sides.ts';

const options = new Command('bench:snapshot')
  .description(
    'Fills a server with znodes, then reads and writes them one at a time on a few connections while snapshots are written now and then;\nprints latencies during snapshots and between them.',
  )
  .option('--znodes <n>', 'how many', '1000000')
  .option('--bytes <n>', 'data of each', '100')
  .option('--seconds <n>', 'of measurement', '20')
  .option('--connections <n>', 'that read, and as many that write', '8')
  .parse()
  .opts<{ znodes: string; bytes: string; seconds: string; connections: string }>();
const znodes = wholeNumber('znodes', options.znodes);
const bytes = wholeNumber('bytes', options.bytes);
const seconds = wholeNumber('seconds', options.seconds);
const count = wholeNumber('connections', options.connections);

/** When a request was sent and how long its answer took, in milliseconds. */
interface Sample {
  readonly atMs: number;
  readonly tookMs: number;
}

async function ask(
  port: number,
  untilMs: number,
  request: (n: number) => Uint8Array,
  samples: Sample[],
): Promise<void> {
  const connection = await BareConnection.open(port);
  let n = Math.floor(Math.random() * znodes);
  while (Date.now() < untilMs) {
    n = (n * 48_271 + 11) % znodes;
    const atMs = Date.now();
    const startedMs = performance.now();
    const error = await connection.ask(request(n));
    if (error !== 0) throw new Error(`request for ${filledPath(n)} failed: ${error}`);
    samples.push({ atMs, tookMs: performance.now() - startedMs });
  }
  connection.close();
}

/** Begin and end of the snapshots that the server has told of. */
function snapshotSpans(output: string): { fromMs: number; toMs: number }[] {
  const lines = output.matchAll(/^\[([^\]]+)\] INFO: \[main\] snapshot .* in ([\d.]+) s$/gm);
  return [...lines].map(([, time, took]) => {
    const toMs = Date.parse(time);
    return { fromMs: toMs - Number(took) * 1000, toMs };
  });
}

function report(
  what: string,
  samples: readonly Sample[],
  spans: readonly { fromMs: number; toMs: number }[],
) {
  const isDuring = ({ atMs }: Sample) => spans.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs);
  for (const [when, chosen] of [
    ['between snapshots', samples.filter((sample) => !isDuring(sample))],
    ['during snapshots', samples.filter(isDuring)],
  ] as const) {
    const times = chosen.map(({ tookMs }) => tookMs);
    const at = (part: number) => percentile(times, part).toFixed(2);
    process.stdout.write(
      `${what} ${when}: ${times.length}, ms: p50 ${at(0.5)}, p99 ${at(0.99)}, p99.9 ${at(0.999)}, most ${at(1)}\n`,
    );
  }
}

await withSide(
  'menagerie',
  async (server) => {
    await fill(server, znodes, bytes);
    await delay(5000);
    say(`${seconds} s of reads and writes`);
    const data = Buffer.alloc(bytes, 'y');
    const reads: Sample[] = [];
    const writes: Sample[] = [];
    const untilMs = Date.now() + seconds * 1000;
    const read = (n: number) => requestFrame(1, OpCode.getData, pathAndWatch(filledPath(n), false));
    const write = (n: number) => requestFrame(1, OpCode.setData, pathAndData(filledPath(n), data));
    await Promise.all(
      Array.from({ length: count }, () => [
        ask(server.port, untilMs, read, reads),
        ask(server.port, untilMs, write, writes),
      ]).flat(),
    );
    await delay(3000);
    const spans = snapshotSpans(server.output);
    report('reads', reads, spans);
    report('writes', writes, spans);
  },
  // Often enough for several snapshots, seldom enough for as much time between them.
  ['snapCount=40000'],
);
