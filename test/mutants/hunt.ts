import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Mutant } from './mutant.ts';
import { copyWithMutant } from './mutated-copy.ts';
import type { Finding, trial } from './trial.ts';

/** What a mutant's trials run, below the folder of the compiled files. */
export const ENTRY = 'test/mutants/trial.js';

/** What a hunt for one mutant has come to. */
export interface HuntResult {
  readonly mutant: Mutant;
  /** Null: not found in so many. */
  readonly finding: (Finding & { readonly seed: number }) | null;
  readonly seedsTried: number;
  readonly tookMs: number;
}

/** The trial function of a copy of the code, which is loaded anew for each. */
export async function loadTrial(url: URL): Promise<typeof trial> {
  const module = (await import(url.href)) as { trial: typeof trial };
  return module.trial;
}

interface HuntOrder {
  readonly url: string;
  readonly finder: Mutant['finder'];
  readonly given?: Mutant['given'];
  readonly firstSeed: number;
  readonly seedsMax: number;
}

type HuntMessage = { readonly tried: number; readonly finding: Finding | null; readonly isOver: boolean };

const REPORT_MS = 1_000;

async function serve(order: HuntOrder, port: NonNullable<typeof parentPort>): Promise<void> {
  const runTrial = await loadTrial(new URL(order.url));
  const runClean = await loadTrial(new URL('./trial.js', import.meta.url));
  let reportedMs = performance.now();
  const { finder, given = {} } = order;
  for (let tried = 1; tried <= order.seedsMax; tried++) {
    const seed = order.firstSeed + tried - 1;
    const found = runTrial({ finder, given }, seed);
    // What the server itself is found out by says nothing of the mutant.
    const finding = found !== null && runClean({ finder, given }, seed) === null ? found : null;
    const isOver = finding !== null || tried === order.seedsMax;
    if (!isOver && performance.now() - reportedMs < REPORT_MS) continue;
    reportedMs = performance.now();
    port.postMessage({ tried, finding, isOver } satisfies HuntMessage);
    if (isOver) return;
  }
}

/** Tries seeds from `firstSeed` on, in a thread, until one finds the mutant. `onProgress`: seeds tried so far. */
export async function hunt(
  mutant: Mutant,
  firstSeed: number,
  seedsMax: number,
  onProgress: (tried: number) => void,
): Promise<HuntResult> {
  const startedMs = performance.now();
  const copy = copyWithMutant(mutant, ENTRY);
  try {
    const { finder, given = {} } = mutant;
    const order: HuntOrder = { url: copy.url.href, finder, given, firstSeed, seedsMax };
    const last = await new Promise<HuntMessage>((resolve, reject) => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: order });
      worker.on('error', reject);
      worker.on('message', (message: HuntMessage) => {
        onProgress(message.tried);
        if (message.isOver) void worker.terminate().then(() => resolve(message));
      });
    });
    const seed = firstSeed + last.tried - 1;
    const finding = last.finding === null ? null : { ...last.finding, seed };
    return { mutant, finding, seedsTried: last.tried, tookMs: performance.now() - startedMs };
  } finally {
    copy.remove();
  }
}

/** How many hunts go on at a time, if nobody says. */
export const HUNTERS = availableParallelism();

if (parentPort !== null && (workerData as HuntOrder | null)?.url !== undefined) {
  await serve(workerData as HuntOrder, parentPort);
}
