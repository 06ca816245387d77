import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { PartitionNetwork } from '../support/partition-network.ts';
import { random } from '../support/random.ts';
import { type ChaosReport, runChaos, shuffle } from './chaos-run.ts';
import { type PartitionFigures, partitionFault, partitionFaults } from './partition-faults.ts';

export interface PartitionChaosOptions {
  servers: number;
  seconds: number;
  rounds?: number;
  sessions?: number;
  seed?: number;
  /** Names of faults in the order in which they befall, over and over; all in random order if not given. */
  faults?: readonly string[];
  progress?: (line: string) => void;
}

export type PartitionReport = ChaosReport & PartitionFigures;

/**
 * Cuts the links between servers of a real ensemble, under the load and the checks of runChaos: those that reach a quorum serve,
 * the others serve nobody and acknowledge nothing, and when the links are back all are members again.
 */
export async function runPartitionChaos(options: PartitionChaosOptions): Promise<PartitionReport> {
  const { servers } = options;
  const draw = random(options.seed);
  const network = new PartitionNetwork();
  const figures: PartitionFigures = { stoppedMs: {}, servedMs: {} };
  let ensemble: EnsembleProcesses | null = null;
  try {
    ensemble = await EnsembleProcesses.start({
      voters: servers,
      network,
      config: ['snapCount=3000', 'preAllocSize=1024', 'menagerie.committedLogMb=1'],
    });
    const scene = { ensemble, network, draw, figures };
    const report = await runChaos(ensemble, draw, options, () => {
      const names = options.faults ?? shuffle(partitionFaults(servers), draw);
      return names.map((name) => (leader) => partitionFault(name, leader, scene));
    });
    return { ...report, ...figures };
  } finally {
    await ensemble?.dispose();
    await network.stop();
  }
}

const HELP = `Cuts links between the servers of an ensemble while it is written to and read from: some servers alone, halves, one
direction only, links that come and go. Checks that only those serve that reach a quorum, that nothing acknowledged is lost, that
sessions live on, and that all servers are members again, with the same tree, when the links are back.

  npm run chaos:partitions -- [--seconds N] [--seed N] [--servers 3|5] [--sessions N] [--fault NAME]

  --seconds N   how long (120)
  --seed N      the seed of the faults that are to be repeated (a new one)
  --servers N   how many servers vote (3)
  --sessions N  clients (6)
  --fault NAME  this fault only, over and over; may be given several times:
                ${partitionFaults(5).join('\n                ')}
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '120' },
      servers: { type: 'string', default: '3' },
      sessions: { type: 'string', default: '6' },
      seed: { type: 'string' },
      fault: { type: 'string', multiple: true },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const report = await runPartitionChaos({
    seconds: Number(values.seconds),
    servers: Number(values.servers),
    sessions: Number(values.sessions),
    progress: (line) => console.log(line),
    ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
    ...(values.fault === undefined ? {} : { faults: values.fault }),
  });
  console.log(report);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
