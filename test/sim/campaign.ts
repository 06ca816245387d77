import { availableParallelism } from 'node:os';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Command } from 'commander';
import { optionsOf } from './options.ts';
import { addResult, addTotals, type CampaignTotals, noTotals, reportOf } from './report.ts';
import { run } from './run.ts';

/** Seeds that a worker takes at a time. */
const CHUNK_SEEDS = 20;

interface ChunkDone {
  readonly totals: CampaignTotals;
}

/** One chunk: its seeds, one after another. */
function runChunk(firstSeed: number, count: number): CampaignTotals {
  const totals = noTotals();
  for (let seed = firstSeed; seed < firstSeed + count; seed++) addResult(totals, run(optionsOf(seed)));
  return totals;
}

function serveChunks(port: NonNullable<typeof parentPort>): void {
  port.on('message', ([firstSeed, count]: [number, number]) => {
    const done: ChunkDone = { totals: runChunk(firstSeed, count) };
    port.postMessage(done);
  });
}

interface CampaignOptions {
  readonly seeds: string;
  readonly from: string;
  readonly workers: string;
}

async function campaign(options: CampaignOptions): Promise<number> {
  const first = Number(options.from);
  const end = first + Number(options.seeds);
  const startedMs = performance.now();
  const totals = noTotals();
  let next = first;
  let shownMs = startedMs;
  const show = (): void => {
    const nowMs = performance.now();
    if (nowMs - shownMs < 5_000) return;
    shownMs = nowMs;
    const perSecond = (totals.seeds / (nowMs - startedMs)) * 1000;
    console.log(
      `${totals.seeds} of ${end - first} seeds, ${totals.failures.length} failed, ${perSecond.toFixed(1)} seeds a second`,
    );
  };
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: 'simulate' });
      const give = (): void => {
        if (next >= end) {
          void worker.terminate().then(() => resolve());
          return;
        }
        const count = Math.min(CHUNK_SEEDS, end - next);
        worker.postMessage([next, count]);
        next += count;
      };
      worker.on('message', ({ totals: chunk }: ChunkDone) => {
        addTotals(totals, chunk);
        for (const failure of chunk.failures) console.log(`seed ${failure.seed}: ${failure.message}`);
        show();
        give();
      });
      worker.on('error', reject);
      give();
    });
  await Promise.all(Array.from({ length: Number(options.workers) }, work));
  console.log(reportOf(totals, performance.now() - startedMs, first));
  return totals.failures.length;
}

if (workerData === 'simulate' && parentPort !== null) serveChunks(parentPort);
else {
  const command = new Command('sim:campaign')
    .description('Runs many seeds on all cores, and reports.')
    .option('--seeds <count>', 'how many', '10000')
    .option('--from <seed>', 'the first', '1')
    .option('--workers <count>', 'threads', `${availableParallelism()}`);
  command.parse();
  process.exitCode = (await campaign(command.opts<CampaignOptions>())) === 0 ? 0 : 1;
}
