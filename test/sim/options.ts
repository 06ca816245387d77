import { SimRandom } from './random.ts';

/** What a run is like; all of it follows from the seed, unless given. */
export interface SimOptions {
  readonly seed: number;
  readonly voters: number;
  readonly observers: number;
  readonly clients: number;
  /** Requests that each client makes before it rests, about. */
  readonly operations: number;
  /** How long faults go on, in simulated milliseconds. */
  readonly faultsMs: number;
  readonly tickTimeMs: number;
  readonly initLimitTicks: number;
  readonly syncLimitTicks: number;
  readonly networkDelayMs: number;
  readonly diskDelayMs: number;
  /** Txns that a server keeps in memory for learners. */
  readonly commitLogCount: number;
  /** Txns between two snapshots, about. */
  readonly snapCount: number;
  readonly logFileBytesMax: number;
  readonly preallocationBytes: number;
  readonly forceSnapshotSync: boolean;
  readonly snapshotSizeFactor: number;
  /** The epoch ends when its counter gets here, as it does in earnest at 0xffffffff. */
  readonly counterMax: number;
  readonly faults: FaultOptions;
  /** Snapshots show later txns than the one that they are named by, as they are written beside the server's work. */
  readonly fuzzySnapshots: boolean;
  /** After each snapshot all but so many, and the logs before them, are removed; 0: never. A server's least is 3, an administrator's 1. */
  readonly purgeRetain: number;
  /** Probability that a file call fails while a log is cut, as long as there are faults. */
  readonly cutErrors: number;
  /** A learner takes what it lacks, log or tree, bit by bit, one in so many milliseconds in the mean; 0: all at once. */
  readonly streamStepMs: number;
  /** Probability that the connection breaks behind each of these bits, as long as there are faults. */
  readonly streamBreaks: number;
  /** A rule that the simulated servers break, to see that it is noticed; null in earnest. */
  readonly sabotage: Sabotage | null;
}

/** Rules that a server's runtime must keep, each broken by itself in sabotage.test.ts. */
export type Sabotage =
  /** A txn is acknowledged before it is synced. */
  | 'acknowledges unsynced txns'
  /** And the disk says it was. */
  | 'has a disk that lies'
  /** An epoch is promised before it is stored. */
  | 'forgets epochs'
  | 'loses watch events'
  | 'answers reads before earlier writes'
  | 'takes clients back in time'
  | 'forwards writes twice'
  /** A learner applies what is proposed, committed or not. */
  | 'applies proposals'
  | 'never expires sessions'
  | 'drops writes'
  /** A log that a killed process left behind is not synced at the next start. */
  | 'trusts the page cache';

/** Mean time between faults of a kind, in milliseconds; 0: never. */
export interface FaultOptions {
  /** The process is killed at some point of its outputs or file calls; what is in the page cache stays. */
  readonly killMs: number;
  /** So, but the machine loses its power: what was not synced is gone in part. */
  readonly powerLossMs: number;
  /** All machines at once. */
  readonly blackoutMs: number;
  readonly pauseMs: number;
  readonly clockJumpMs: number;
  readonly partitionMs: number;
  /** Connections break. */
  readonly resetMs: number;
  readonly slowMs: number;
  /** A file call fails: the server ends, and its machine is started anew. */
  readonly diskErrorMs: number;
}

export const NO_FAULTS: FaultOptions = {
  killMs: 0,
  powerLossMs: 0,
  blackoutMs: 0,
  pauseMs: 0,
  clockJumpMs: 0,
  partitionMs: 0,
  resetMs: 0,
  slowMs: 0,
  diskErrorMs: 0,
};

/** What was not simulated when older seeds found what they found: they give the same runs without it only. */
export const BEFORE_FUZZY_SNAPSHOTS = {
  fuzzySnapshots: false,
  purgeRetain: 0,
  cutErrors: 0,
  streamStepMs: 0,
  streamBreaks: 0,
} as const;

/** Options of a seed: each aspect is drawn by itself ("swarm"), so that no kind of fault is always there to hide another. */
export function optionsOf(seed: number, given: Partial<SimOptions> = {}): SimOptions {
  const random = new SimRandom(seed);
  const tickTimeMs = random.pick([50, 100, 200, 500]);
  const drawn: SimOptions = {
    seed,
    voters: random.pick([1, 3, 3, 3, 3, 5, 5, 7]),
    observers: random.pick([0, 0, 0, 1, 2]),
    clients: random.between(2, 6),
    operations: random.pick([30, 60, 120]),
    faultsMs: random.pick([2_000, 5_000, 10_000]),
    tickTimeMs,
    initLimitTicks: random.between(4, 10),
    syncLimitTicks: random.between(2, 5),
    networkDelayMs: random.pick([0.2, 1, 3, 10]),
    diskDelayMs: random.pick([0.1, 1, 5]),
    commitLogCount: random.pick([3, 10, 50, 500]),
    snapCount: random.pick([10, 40, 150, 1000]),
    logFileBytesMax: random.pick([0, 0, 2_000]),
    preallocationBytes: random.pick([0, 4_096]),
    forceSnapshotSync: random.chance(0.04),
    counterMax: random.chance(0.1) ? random.between(10, 60) : 0xffffffff,
    faults: drawFaults(random),
    // Drawn last: seeds from before it was drawn are otherwise as they were.
    snapshotSizeFactor: random.pick([0.33, 0, 0, 3, -1]),
    ...drawStorage(new SimRandom(seed ^ 0x57042a6e)),
    sabotage: null,
  };
  return { ...drawn, ...given, faults: given.faults ?? drawn.faults };
}

/** From draws of their own: what came before them stays as it was. */
function drawStorage(random: SimRandom): Pick<SimOptions, keyof typeof BEFORE_FUZZY_SNAPSHOTS> {
  return {
    fuzzySnapshots: random.chance(0.7),
    purgeRetain: random.pick([0, 3, 3, 1]),
    cutErrors: random.pick([0, 0, 0.3]),
    streamStepMs: random.pick([0, 0.5, 5]),
    streamBreaks: random.pick([0, 0.03, 0.3]),
  };
}

function drawFaults(random: SimRandom): FaultOptions {
  const every = (probability: number, lowMs: number, highMs: number): number =>
    random.chance(probability) ? random.between(lowMs, highMs) : 0;
  return {
    killMs: every(0.6, 200, 3_000),
    powerLossMs: every(0.5, 200, 3_000),
    blackoutMs: every(0.25, 1_000, 5_000),
    pauseMs: every(0.4, 300, 3_000),
    clockJumpMs: every(0.3, 300, 3_000),
    partitionMs: every(0.6, 200, 2_000),
    resetMs: every(0.5, 100, 2_000),
    slowMs: every(0.3, 500, 3_000),
    diskErrorMs: every(0.3, 500, 5_000),
  };
}
