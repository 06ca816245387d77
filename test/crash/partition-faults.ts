import type { EnsembleProcesses } from '../support/ensemble-processes.ts';
import type { PartitionNetwork } from '../support/partition-network.ts';
import type { Random } from '../support/random.ts';
import { delay } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import type { Fault } from './chaos-run.ts';

/** How much longer a fault lasts when everybody is where it must be. */
const LASTING_MS_MAX = 1500;
const FLAPS = 12;
const FLAP_MS_MIN = 40;
const FLAP_MS_MAX = 450;

/** What was measured while links were cut, in milliseconds since then, ascending. */
export interface PartitionFigures {
  /** Until those that had no quorum any more said so. */
  readonly stoppedMs: Record<string, number[]>;
  /** Until all that reach each other served under one leader. */
  readonly servedMs: Record<string, number[]>;
}

/** Where a fault happens. */
export interface PartitionScene {
  readonly ensemble: EnsembleProcesses;
  readonly network: PartitionNetwork;
  readonly draw: Random;
  readonly figures: PartitionFigures;
}

/** Which links go, and what must come of it. */
interface Cut {
  readonly sids: readonly number[];
  readonly cut: (network: PartitionNetwork) => void;
  /** These reach each other in both directions, and a quorum is among them: they serve, under one leader. */
  readonly serve: readonly number[];
  /** They keep the leader that they have. */
  readonly keepsLeader: boolean;
}

type CutOf = (leader: number, followers: readonly number[]) => Cut;

const CUTS: Readonly<Record<string, CutOf>> = {
  'leader alone': (leader, followers) => ({
    sids: [leader],
    cut: (network) => network.separate([leader], followers),
    serve: followers,
    keepsLeader: false,
  }),
  'leader is not heard': (leader, followers) => ({
    sids: [leader],
    cut: (network) => network.block([leader], followers),
    serve: followers,
    keepsLeader: false,
  }),
  'leader hears nobody': (leader, followers) => ({
    sids: [leader],
    cut: (network) => network.block(followers, [leader]),
    serve: followers,
    keepsLeader: false,
  }),
  'follower alone': (leader, [first, ...rest]) => ({
    sids: [first],
    cut: (network) => network.separate([first], [leader, ...rest]),
    serve: [leader, ...rest],
    keepsLeader: true,
  }),
  'follower is not heard': (leader, [first, ...rest]) => ({
    sids: [first],
    cut: (network) => network.block([first], [leader, ...rest]),
    serve: [leader, ...rest],
    keepsLeader: true,
  }),
  'follower hears nobody': (leader, [first, ...rest]) => ({
    sids: [first],
    cut: (network) => network.block([leader, ...rest], [first]),
    serve: [leader, ...rest],
    keepsLeader: true,
  }),
  'leader and a follower apart': (leader, [first, ...rest]) => ({
    sids: [leader, first],
    cut: (network) => network.separate([leader], [first]),
    serve: [leader, ...rest],
    keepsLeader: true,
  }),
};

/** Those that need five servers. */
const CUTS_OF_FIVE: Readonly<Record<string, CutOf>> = {
  'leader among two of five': (leader, [first, ...rest]) => ({
    sids: [leader, first],
    cut: (network) => network.separate([leader, first], rest),
    serve: rest,
    keepsLeader: false,
  }),
  'leader among three of five': (leader, [first, second, ...rest]) => ({
    sids: [first, second],
    cut: (network) => network.separate([first, second], [leader, ...rest]),
    serve: [leader, ...rest],
    keepsLeader: true,
  }),
  'leader reaches one of four': (leader, [first, ...rest]) => ({
    sids: [leader],
    cut: (network) => network.separate([leader], rest),
    serve: [first, ...rest],
    keepsLeader: false,
  }),
};

/** The names of all faults that an ensemble of so many servers can have. */
export function partitionFaults(servers: number): string[] {
  const cuts = [...Object.keys(CUTS), ...(servers >= 5 ? Object.keys(CUTS_OF_FIVE) : [])];
  return [...cuts, 'links of the leader flap', 'all links flap', 'connections of the leader reset'];
}

/** The fault of this name, under this leader. */
export function partitionFault(name: string, leader: number, scene: PartitionScene): Fault {
  const { ensemble, draw } = scene;
  const followers = ensemble.sids.filter((sid) => sid !== leader);
  const turn = draw.below(followers.length);
  const turned = [...followers.slice(turn), ...followers.slice(0, turn)];
  const cutOf = CUTS[name] ?? CUTS_OF_FIVE[name];
  if (cutOf !== undefined) return separation(name, cutOf(leader, turned), leader, scene);
  switch (name) {
    case 'links of the leader flap':
      return flapping(name, followers, leader, scene);
    case 'all links flap':
      return flapping(name, followers, null, scene);
    case 'connections of the leader reset':
      return {
        ...{ name, sids: [leader] },
        befall: async () => scene.network.reset(leader),
        end: () => {},
      };
    default:
      throw new Error(`there is no fault ${name}`);
  }
}

/** Links are cut until those that can go on do, those that cannot have stopped, and a while longer. */
function separation(name: string, cut: Cut, leader: number, scene: PartitionScene): Fault {
  const { ensemble, network, draw, figures } = scene;
  const stranded = ensemble.sids.filter((sid) => !cut.serve.includes(sid));
  const befall = async (): Promise<void> => {
    const probes = await Promise.all(stranded.map((sid) => Probe.connect(sid, ensemble.port(sid))));
    try {
      cut.cut(network);
      const sinceMs = Date.now();
      for (const probe of probes) probe.write();
      const note = (into: Record<string, number[]>) => {
        into[name] ??= [];
        into[name].push(Date.now() - sinceMs);
        into[name].sort((a, b) => a - b);
      };
      await Promise.all([
        serves(cut, leader, ensemble).then(() => note(figures.servedMs)),
        stops(stranded, ensemble).then(() => note(figures.stoppedMs)),
      ]);
      await delay(draw.below(LASTING_MS_MAX));
      for (const probe of probes) probe.check();
    } finally {
      await Promise.all(probes.map((probe) => probe.leave()));
    }
  };
  return { name, sids: cut.sids, befall, end: () => network.heal() };
}

async function serves(
  { serve, keepsLeader }: Cut,
  leader: number,
  ensemble: EnsembleProcesses,
): Promise<void> {
  await ensemble.until(`servers ${serve.join(', ')} serve`, async () => {
    const modes = await ensemble.modes(serve);
    const leaders = serve.filter((sid) => modes.get(sid) === 'leader');
    if (keepsLeader && leaders.length > 0 && leaders[0] !== leader)
      throw new Error(`server ${leaders[0]} leads, though a quorum reaches server ${leader}`);
    const isOther = keepsLeader || leaders[0] !== leader;
    return serve.every((sid) => modes.get(sid) !== null) && leaders.length === 1 && isOther ? true : null;
  });
}

async function stops(stranded: readonly number[], ensemble: EnsembleProcesses): Promise<void> {
  await ensemble.until(`servers ${stranded.join(', ')} serve nobody`, async () => {
    const modes = await ensemble.modes(stranded);
    return stranded.every((sid) => modes.get(sid) === null) ? true : null;
  });
}

/** Links stop and go at random, too fast for most of what they are for. */
function flapping(
  name: string,
  followers: readonly number[],
  leader: number | null,
  { network, draw }: PartitionScene,
): Fault {
  const befall = async (): Promise<void> => {
    for (let flap = 0; flap < FLAPS; flap++) {
      const one = leader ?? followers[draw.below(followers.length)];
      const others = followers.filter(() => draw.below(3) > 0);
      if (draw.below(2) === 0) network.block([one], others);
      if (draw.below(2) === 0) network.block(others, [one]);
      if (draw.below(4) === 0) network.reset(one);
      await delay(FLAP_MS_MIN + draw.below(FLAP_MS_MAX));
      network.heal();
      await delay(FLAP_MS_MIN + draw.below(FLAP_MS_MAX));
    }
  };
  return { name, sids: leader === null ? followers : [leader], befall, end: () => network.heal() };
}

/** A client of a server that is about to be cut off: whatever it writes from then on must not be acknowledged. */
class Probe {
  readonly #sid: number;
  readonly #client: WireClient;
  #acknowledged: string | null = null;

  private constructor(sid: number, client: WireClient) {
    this.#sid = sid;
    this.#client = client;
  }

  static async connect(sid: number, port: number): Promise<Probe> {
    return new Probe(sid, await WireClient.connect({ port }));
  }

  write(): void {
    this.#client.setData('/', null).then(
      ({ err }) => {
        if (err === 0)
          this.#acknowledged = `server ${this.#sid} has acknowledged a write that no quorum can have`;
      },
      () => {},
    );
  }

  check(): void {
    if (this.#acknowledged !== null) throw new Error(this.#acknowledged);
  }

  async leave(): Promise<void> {
    await this.#client.disconnect();
  }
}
