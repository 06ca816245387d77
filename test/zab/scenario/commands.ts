import { Cluster, txnsOf } from './cluster.ts';
import { parseMessage, parseVote } from './messages.ts';
import { parseZxid, parseZxids } from './zxid-text.ts';

/** Words of a command, and its `key=value` and bare options. */
interface Command {
  readonly name: string;
  readonly words: readonly string[];
  readonly text: string;
  option(key: string): string | undefined;
  flag(key: string): boolean;
}

/** Carries out commands, and gives what happened. The commands are listed at the head of scenarios.test.ts. */
export class ScenarioRunner {
  #cluster: Cluster | null = null;

  /** What the command that threw had printed. */
  get linesSoFar(): readonly string[] {
    return this.#cluster?.lines ?? [];
  }

  /** Lines for the trace. Throws when something happens that must never happen. */
  run(line: string): readonly string[] {
    const command = parseCommand(line);
    if (command.name === 'cluster') {
      this.#cluster = newCluster(command);
      return ['ok'];
    }
    const cluster = this.#cluster;
    if (cluster === null) throw new Error('a script begins with cluster');
    cluster.lines.length = 0;
    const answer = perform(cluster, command);
    const lines = [...cluster.lines, ...answer];
    return lines.length === 0 ? ['ok'] : lines;
  }
}

function parseCommand(text: string): Command {
  const [name = '', ...rest] = text.trim().split(/\s+/);
  return {
    name,
    words: rest.filter((word) => !word.includes('=')),
    text: text.trim(),
    option: (key) => rest.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1),
    flag: (key) => rest.includes(key),
  };
}

function numbers(words: readonly string[]): number[] {
  return words.map((word) => {
    if (!/^\d+$/.test(word)) throw new Error(`${word} is no number`);
    return Number(word);
  });
}

function newCluster({ option, flag, words }: Command): Cluster {
  const list = (key: string) => numbers((option(key) ?? '').split(',').filter((word) => word !== ''));
  const flags = ['forceSnapshot', 'votes'];
  for (const word of words) if (!flags.includes(word)) throw new Error(`${word} is no option of cluster`);
  const weights = (option('weights') ?? '').split(';').filter((line) => line !== '');
  const cluster = new Cluster({
    voters: list('voters'),
    observers: list('observers'),
    lines: weights.map((line) => line.replace(':', '=')),
    forceSnapshotSync: flag('forceSnapshot'),
    memory: Number(option('memory') ?? Number.MAX_SAFE_INTEGER),
  });
  cluster.tracesElection = flag('votes');
  return cluster;
}

/** The answer of a command that has one beside what happened. */
function perform(cluster: Cluster, command: Command): readonly string[] {
  const { name, words, option } = command;
  const [first = -1, second = -1] = numbers(words.slice(0, 2).filter((word) => /^\d+$/.test(word)));
  const link = () => {
    const match = /^(\d+)->(\d+)$/.exec(words.find((word) => word.includes('->')) ?? '');
    if (match === null) throw new Error(`${command.text}: must name a line, as 1->2`);
    return [Number(match[1]), Number(match[2])] as const;
  };
  switch (name) {
    case 'disk': {
      const { disk } = cluster.server(first);
      disk.acceptedEpoch = Number(option('accepted') ?? disk.acceptedEpoch);
      disk.currentEpoch = Number(option('current') ?? disk.acceptedEpoch);
      disk.treeZxid = parseZxid(option('snapshot') ?? '0:0');
      disk.tree = txnsOf(parseZxids(option('tree') ?? ''));
      disk.log = txnsOf(parseZxids(option('log') ?? ''));
      disk.isValid = !command.flag('invalid');
      return [];
    }
    case 'start':
      for (const sid of numbers(words)) cluster.start(sid);
      return [];
    case 'crash':
      cluster.crash(first, Number(option('keep') ?? 0));
      return [];
    case 'stabilize':
      cluster.stabilize();
      return [];
    case 'advance':
      cluster.advance(first);
      return [];
    case 'propose':
      cluster.server(first).propose(second === -1 ? 1 : second);
      return [];
    case 'leave':
      cluster.server(first).peer!.leaveLeading(words.slice(1).join(' '));
      return [];
    case 'room':
      cluster.server(first).commitsEarly = true;
      cluster.server(first).peer!.roomNeeded();
      return [];
    case 'cut':
      cluster.cut(first, second);
      return [];
    case 'heal':
      cluster.heal(first, second);
      return [];
    case 'reset':
      cluster.reset(first, second);
      return [];
    case 'pause':
      cluster.pause(first);
      return [];
    case 'resume':
      cluster.resume(first);
      return [];
    case 'hold':
      if (words[0] === 'disk') cluster.holdDisk(Number(words[1]));
      else if (words[0] === 'votes') cluster.holdVotes(...link());
      else cluster.hold(...link());
      return [];
    case 'release':
      if (words[0] === 'disk') cluster.releaseDisk(Number(words[1]));
      else if (words[0] === 'votes') cluster.releaseVotes(...link());
      else cluster.release(...link());
      return [];
    case 'sync':
      for (let count = Number(words[1] ?? 1); count > 0; count--) cluster.server(first).runTask();
      return [];
    case 'deliver':
      for (let count = Number(words[1] ?? 1); count > 0; count--) cluster.deliver(...link());
      return [];
    case 'connect':
      cluster.connect(...link());
      return [];
    case 'inject':
      cluster.inject(...link(), parseMessage(command.text.replace(/^inject \S+ /, ''), parseZxid));
      return [];
    case 'vote':
      cluster.injectVote(...link(), parseVote(command.text.replace(/^vote \S+ /, '')));
      return [];
    case 'status':
      return [...cluster.servers.keys()].map((sid) => cluster.statusOf(sid));
    default:
      throw new Error(`${name} is no command`);
  }
}
