import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { type Random, random } from '../support/random.ts';
import { delay, type ServerKind } from '../support/server-process.ts';
import { type ChaosReport, type Fault, runChaos, shuffle } from './chaos-run.ts';

const DOWN_MS_MIN = 200;
const DOWN_MS_MAX = 2500;

/** The faults of the ZooKeeper paper's figure 8, by whom they befall. */
const FAULTS = ['follower', 'follower', 'leader', 'two followers', 'leader'] as const;
type FaultKind = (typeof FAULTS)[number];

export interface EnsembleChaosOptions {
  servers: number;
  /** Whose server each is; all are ours if not given. */
  kind?: (sid: number) => ServerKind;
  seconds: number;
  sessions?: number;
  seed?: number;
  progress?: (line: string) => void;
}

/** Kills (SIGKILL) and stops (SIGSTOP) servers of a real ensemble in random order, under the load and the checks of runChaos. */
export async function runEnsembleChaos(options: EnsembleChaosOptions): Promise<ChaosReport> {
  const { servers, kind } = options;
  const draw = random(options.seed);
  const ensemble = await EnsembleProcesses.start({
    voters: servers,
    ...(kind === undefined ? {} : { kind }),
    // Small limits, so that snapshots, log rolls and synchronisation by snapshot fall into the time of the faults.
    config: ['snapCount=3000', 'preAllocSize=1024', 'menagerie.committedLogMb=1'],
  });
  try {
    const kinds = FAULTS.filter((fault) => fault !== 'two followers' || servers >= 5);
    return await runChaos(ensemble, draw, options, () =>
      shuffle([...kinds], draw).map((fault) => (leader) => faultOf(fault, ensemble, leader, draw, kind)),
    );
  } finally {
    await ensemble.dispose();
  }
}

function faultOf(
  fault: FaultKind,
  ensemble: EnsembleProcesses,
  leader: number,
  draw: Random,
  kind: ((sid: number) => ServerKind) | undefined,
): Fault {
  const sids = victims(fault, ensemble, leader, draw);
  const isKill = draw.below(2) === 0;
  const kinds = kind === undefined ? '' : ` (${sids.map(kind).join(', ')})`;
  const downMs = DOWN_MS_MIN + draw.below(DOWN_MS_MAX - DOWN_MS_MIN);
  return {
    name: `${fault}${kinds} ${isKill ? 'killed' : 'stopped'}`,
    sids,
    befall: async () => {
      if (isKill) await ensemble.kill9(...sids);
      else ensemble.pause(...sids);
      await delay(downMs);
    },
    end: () => {
      if (isKill) ensemble.launch(...sids);
      else ensemble.resume(...sids);
    },
  };
}

function victims(fault: FaultKind, ensemble: EnsembleProcesses, leader: number, draw: Random): number[] {
  const followers = ensemble.sids.filter((sid) => sid !== leader);
  const first = draw.below(followers.length);
  switch (fault) {
    case 'leader':
      return [leader];
    case 'follower':
      return [followers[first]];
    case 'two followers':
      return [followers[first], followers[(first + 1) % followers.length]];
    default:
      throw new Error(`unknown fault ${fault satisfies never}`);
  }
}

const HELP = `Kills and stops servers of an ensemble while it is written to and read from, and checks that nothing acknowledged is lost.

  npm run chaos -- [--seconds N] [--seed N] [--servers 3|5] [--sessions N] [--apache N]

  --seconds N   how long (120)
  --seed N      the seed of the faults that are to be repeated (a new one)
  --servers N   how many servers vote (3)
  --sessions N  clients (6)
  --apache N    so many of the servers are Apache's, those with the lowest numbers (0)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '120' },
      servers: { type: 'string', default: '3' },
      sessions: { type: 'string', default: '6' },
      apache: { type: 'string', default: '0' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const apache = Number(values.apache);
  const report = await runEnsembleChaos({
    ...(apache === 0 ? {} : { kind: (sid) => (sid <= apache ? 'apache' : 'menagerie') }),
    seconds: Number(values.seconds),
    servers: Number(values.servers),
    sessions: Number(values.sessions),
    progress: (line) => console.log(line),
    ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
  });
  console.log(report);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
