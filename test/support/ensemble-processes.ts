import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fourLetterWord } from './four-letter-word.ts';
import type { PartitionNetwork, PeerPorts } from './partition-network.ts';
import { delay, freePort, type ServerKind, ServerProcess } from './server-process.ts';
import { WireClient } from './wire-client.ts';
import { ok } from './wire-connection.ts';

/** How long an ensemble may take until it is as a test wants it. */
const PATIENCE_MS = 40_000;
const POLL_MS = 15;
/** A stopped process takes connections and answers nothing. */
const WORD_PATIENCE_MS = 1000;

export const TICK_MS = 500;

export type Mode = 'leader' | 'follower' | 'observer';

export interface EnsembleOptions {
  /** How many servers vote; their numbers begin with 1. */
  readonly voters: number;
  /** How many more observe; their numbers follow. */
  readonly observers?: number;
  /** Whose server each is; all are ours if not given. */
  readonly kind?: (sid: number) => ServerKind;
  /** Lines added to every zoo.cfg. */
  readonly config?: readonly string[];
  /** Lines added to one zoo.cfg. */
  readonly configOf?: (sid: number) => readonly string[];
  /** The servers reach each other through this alone: each zoo.cfg has other ports for the others. */
  readonly network?: PartitionNetwork;
  /** Added to the environment of one server. */
  readonly env?: (sid: number) => Readonly<Record<string, string>>;
}

/** Real server processes that form an ensemble on this machine; each can be killed, stopped, resumed and started again. */
export class EnsembleProcesses {
  readonly sids: readonly number[];
  /** Ports of each server for learners and for elections. */
  readonly quorumPorts: ReadonlyMap<number, PeerPorts>;
  /** Whether all zoo.cfgs name the servers alike. */
  readonly hasOneConfiguration: boolean;
  readonly #members: ReadonlyMap<number, ServerProcess>;

  private constructor(
    members: ReadonlyMap<number, ServerProcess>,
    quorumPorts: ReadonlyMap<number, PeerPorts>,
    hasOneConfiguration: boolean,
  ) {
    this.#members = members;
    this.quorumPorts = quorumPorts;
    this.hasOneConfiguration = hasOneConfiguration;
    this.sids = [...members.keys()];
  }

  /** Lays out directories, and starts nothing. */
  static async prepare(options: EnsembleOptions): Promise<EnsembleProcesses> {
    const count = options.voters + (options.observers ?? 0);
    const ports = new Set<number>();
    while (ports.size < 3 * count) ports.add(await freePort());
    const free = [...ports];
    const sids = Array.from({ length: count }, (_, i) => i + 1);
    const quorumPorts = new Map(
      sids.map((sid, i) => [sid, { quorum: free[3 * i], election: free[3 * i + 1] }]),
    );
    const line = (sid: number, host: string, { quorum, election }: PeerPorts): string =>
      `server.${sid}=${host}:${quorum}:${election}${sid > options.voters ? ':observer' : ''}`;
    const config = [
      ...[`tickTime=${TICK_MS}`, 'initLimit=20', 'syncLimit=4', 'menagerie.replicaMemoryMb=256'],
      ...(options.config ?? []),
    ];
    const members = new Map<number, ServerProcess>();
    for (const [i, sid] of sids.entries()) {
      const env = options.env?.(sid) ?? {};
      const lines: string[] = [];
      for (const [other, ports] of quorumPorts) {
        if (options.network === undefined) lines.push(line(other, '127.0.0.1', ports));
        // A wildcard is an address that nobody is told: others would go past the network.
        else if (other === sid) lines.push(line(other, '0.0.0.0', ports));
        else lines.push(line(other, '127.0.0.1', await options.network.link(sid, other, ports)));
      }
      const server = await ServerProcess.prepare(options.kind?.(sid) ?? 'menagerie', {
        ...{ config: [...lines, ...config, ...(options.configOf?.(sid) ?? [])], port: free[3 * i + 2], env },
      });
      await writeFile(join(server.dataDir, 'myid'), `${sid}\n`);
      members.set(sid, server);
    }
    return new EnsembleProcesses(members, quorumPorts, options.network === undefined);
  }

  /** Starts an ensemble; all of its servers serve when this resolves. */
  static async start(options: EnsembleOptions): Promise<EnsembleProcesses> {
    const ensemble = await EnsembleProcesses.prepare(options);
    try {
      ensemble.launch(...ensemble.sids);
      await ensemble.settled();
    } catch (error) {
      await ensemble.dispose();
      throw error;
    }
    return ensemble;
  }

  server(sid: number): ServerProcess {
    const server = this.#members.get(sid);
    if (server === undefined) throw new Error(`there is no server ${sid}`);
    return server;
  }

  port(sid: number): number {
    return this.server(sid).port;
  }

  /** Starts processes and waits for nothing. */
  launch(...sids: readonly number[]): void {
    for (const sid of sids) this.server(sid).launch();
  }

  /** Starts processes, and waits until they serve. */
  async restart(...sids: readonly number[]): Promise<void> {
    this.launch(...sids);
    await this.settled(sids);
  }

  async kill9(...sids: readonly number[]): Promise<void> {
    await Promise.all(sids.map((sid) => this.server(sid).kill9()));
  }

  /** The processes do nothing until they are resumed; their sockets stay open. */
  pause(...sids: readonly number[]): void {
    for (const sid of sids) this.server(sid).signal('SIGSTOP');
  }

  /** As {@link pause}; when this resolves none of their threads runs any more. */
  async standStill(...sids: readonly number[]): Promise<void> {
    this.pause(...sids);
    const pids = sids.map((sid) => this.server(sid).pid);
    await this.until('they stand still', async () => (pids.every(standsStill) ? true : null));
  }

  resume(...sids: readonly number[]): void {
    for (const sid of sids) this.server(sid).signal('SIGCONT');
  }

  /** Takes a server's data away, as a new disk does; it must not run. */
  async wipe(sid: number): Promise<void> {
    await rm(join(this.server(sid).dataDir, 'version-2'), { recursive: true, force: true });
  }

  /** As `srvr` says it; null when the server does not serve, or does not answer. */
  async mode(sid: number): Promise<Mode | null> {
    const answer = await this.word(sid, 'srvr').catch(() => '');
    return (/^Mode: (leader|follower|observer)$/m.exec(answer)?.[1] as Mode | undefined) ?? null;
  }

  word(sid: number, word: string): Promise<string> {
    return fourLetterWord(this.port(sid), word, WORD_PATIENCE_MS);
  }

  async modes(sids: readonly number[] = this.sids): Promise<Map<number, Mode | null>> {
    const modes = await Promise.all(sids.map((sid) => this.mode(sid)));
    return new Map(sids.map((sid, i) => [sid, modes[i]]));
  }

  /** Waits until all of these serve, under one leader among all that run; gives that leader. */
  async settled(sids: readonly number[] = this.sids): Promise<number> {
    return await this.until(`servers ${sids.join(', ')} serve`, async () => {
      const ended = sids.find((sid) => !this.server(sid).isRunning);
      if (ended !== undefined) throw new Error(`server ${ended} has ended`);
      const modes = await this.modes();
      if (sids.some((sid) => modes.get(sid) === null)) return null;
      const leaders = this.sids.filter((sid) => modes.get(sid) === 'leader');
      return leaders.length === 1 ? leaders[0] : null;
    });
  }

  /** Some server that follows; of those that run and answer, the first. */
  async aFollower(): Promise<number> {
    return (await this.followers())[0];
  }

  async followers(): Promise<number[]> {
    const modes = await this.modes();
    return this.sids.filter((sid) => modes.get(sid) === 'follower');
  }

  /** Waits until `find` gives something; rejects, with what the servers have written, when it does not. */
  async until<T>(what: string, find: () => Promise<T | null>, patienceMs = PATIENCE_MS): Promise<T> {
    const deadline = Date.now() + patienceMs;
    try {
      for (;;) {
        const found = await find();
        if (found !== null) return found;
        if (Date.now() > deadline) throw new Error(`not within ${patienceMs} ms: ${what}`);
        await delay(POLL_MS);
      }
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.outputs()}`, { cause: error });
    }
  }

  /** The ends of what the servers have written. */
  outputs(bytesEach = 3000): string {
    return this.sids
      .map((sid) => `-- server ${sid}:\n${this.server(sid).output.slice(-bytesEach)}`)
      .join('\n');
  }

  /** Ends all processes whatever they do, and removes the directories. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#members.values()].map((server) => server.dispose()));
  }
}

/** Whether all threads of a process are stopped, as the kernel says it: `T` behind the name in brackets. */
function standsStill(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) =>
    /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')),
  );
}

/** Everything below `/` that this server shows after a sync, as text: paths, data and Stats. */
async function wholeTree(client: WireClient): Promise<string[]> {
  ok(await client.sync('/'));
  const lines: string[] = [];
  const walk = async (path: string): Promise<void> => {
    const [{ data, stat }, names] = [ok(await client.getData(path)), ok(await client.getChildren(path))];
    const content = data === null ? 'null' : Buffer.from(data).toString('latin1');
    const values = Object.entries(stat)
      // Each server writes the configuration itself, with no txn, when it starts.
      .filter(([name]) => path !== '/zookeeper/config' || name !== 'mtime')
      .map(([name, value]) => `${name}=${value}`);
    lines.push(`${path} ${content} ${values.join(' ')}`);
    for (const name of names.sort()) await walk(path === '/' ? `/${name}` : `${path}/${name}`);
  };
  await walk('/');
  return lines;
}

/** All these servers show the same tree, to the last Stat. Nobody may write meanwhile. */
export async function assertSameTrees(
  ensemble: EnsembleProcesses,
  sids: readonly number[] = ensemble.sids,
): Promise<void> {
  // Their sessions are txns and their ends are: they must not fall between two walks that are compared.
  const clients: WireClient[] = [];
  try {
    for (const sid of sids) clients.push(await WireClient.connect({ port: ensemble.port(sid) }));
    const isCompared = (line: string): boolean =>
      ensemble.hasOneConfiguration || !line.startsWith('/zookeeper/config ');
    const trees = (await Promise.all(clients.map(wholeTree))).map((tree) => tree.filter(isCompared));
    for (const [i, tree] of trees.entries()) {
      assert.deepEqual(tree, trees[0], `server ${sids[i]} differs from server ${sids[0]}`);
    }
  } finally {
    await Promise.all(clients.map((client) => client.leave()));
  }
}
