// `npm run bench:micro -- --filter ring`: what single steps cost, on this machine. Progress goes to stderr, the table to
// stdout.

import { Command } from 'commander';
import { Bench, type Task } from 'tinybench';
import { decodeBenchmarks } from './decode.bench.ts';
import { logBenchmarks } from './log.bench.ts';
import { quorumBenchmarks } from './quorum.bench.ts';
import { replicaBenchmarks } from './replica.bench.ts';
import { ringBenchmarks } from './ring.bench.ts';
import { txnBenchmarks } from './txn.bench.ts';

const NANOSECONDS_PER_MS = 1e6;

interface Arguments {
  readonly filter: string;
  readonly time: string;
}

const { filter, time } = new Command('bench:micro')
  .description(
    'Measures single steps of the server: decoding, rings, replica, transactions, log records, packets between servers.',
  )
  .option('--filter <text>', 'only benchmarks whose name holds this text', '')
  .option('--time <ms>', 'how long each benchmark runs, milliseconds', '300')
  .parse()
  .opts<Arguments>();
const timeMs = Number(time);
if (!(timeMs > 0)) {
  process.stderr.write(`--time ${time}: give a number of milliseconds above 0\n`);
  process.exit(2);
}

const bench = new Bench({ time: timeMs, warmupTime: timeMs / 3, subtractTimerOverhead: true, throws: true });
decodeBenchmarks(bench);
const endRings = ringBenchmarks(bench);
replicaBenchmarks(bench);
txnBenchmarks(bench);
logBenchmarks(bench);
quorumBenchmarks(bench);
for (const { name } of bench.tasks) if (!name.includes(filter)) bench.remove(name);
const count = bench.tasks.length;
if (count === 0) {
  process.stderr.write(`--filter ${filter}: no benchmark has this text in its name\n`);
  process.exit(2);
}

let done = 0;
bench.addEventListener('cycle', ({ task }) => {
  process.stderr.write(`${++done}/${count} ${task?.name}\n`);
});
try {
  await bench.run();
} finally {
  await endRings();
}
process.stdout.write(`Node ${process.version} on ${process.arch}\n${table(bench.tasks)}`);

function table(tasks: readonly Task[]): string {
  const rows = [['', 'ns/op', 'median', 'p99', '±', 'ops/s'], ...tasks.map(row)];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const lines = rows.map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  return `${lines.join('\n')}\n`;
}

function row({ name, result }: Task): string[] {
  if (result.state !== 'completed') throw new Error(`${name} was not run to its end: ${result.state}`);
  const { mean, p50, p99, rme } = result.latency;
  const nanoseconds = [mean, p50, p99].map((ms) => (ms * NANOSECONDS_PER_MS).toFixed(0));
  return [name, ...nanoseconds, `${rme.toFixed(1)}%`, Math.round(1000 / mean).toLocaleString('en')];
}
