import { ErrorCode } from '../../src/protocol/error-code.ts';
import type { Random } from '../support/random.ts';
import type { WireClient } from '../support/wire-client.ts';
import { ok, type Reply } from '../support/wire-connection.ts';
import { Flag, type MultiOp, text } from '../support/wire-records.ts';

const PLAIN_NODES = 6;
const SEQUENTIAL_NODES_MAX = 20;

/** What one writer's subtree holds; only that writer writes there. */
interface State {
  /** Data and version of each child by name. */
  nodes: Map<string, { data: string; version: number }>;
  /** Creates ever, which is where sequence numbers come from. */
  creates: number;
}

/** A write that was sent: what it does to the state, and what its reply must say. */
interface Write {
  apply: (state: State) => void;
  reply: Promise<Reply<unknown>>;
  check: (reply: Reply<unknown>) => void;
  what: string;
}

/** What a server has is not what it must have. */
export class WrongStateError extends Error {}

/**
 * One writer with a subtree of its own. It knows what it has sent, in which order, and what was acknowledged: after a
 * crash its subtree must look as it did after some prefix of what was sent that covers all that was acknowledged.
 */
export class OwnSubtree {
  readonly base: string;
  readonly #draw: Random;
  /** The state after all acknowledged writes. */
  readonly #acknowledged: State = { nodes: new Map(), creates: 0 };
  /** The state after everything that was sent. */
  #sent: State = { nodes: new Map(), creates: 0 };
  #pending: Write[] = [];
  #values = 0;
  #sequentialNames = new Set<string>();
  #ephemerals = 0;
  acknowledgedWrites = 0;
  /** Called with each of them. */
  onAcknowledged: () => void = () => {};
  /** Reads between the writes that gave what they must. */
  reads = 0;
  #wrong: WrongStateError | null = null;
  /** Writes that a crash left in the dark and that turned out to have been done. */
  doneUnacknowledged = 0;
  lastZxid = 0n;

  constructor(base: string, draw: Random) {
    this.base = base;
    this.#draw = draw;
  }

  /**
   * Writes without a pause, `depth` writes in flight, until the connection breaks; `readsPerWrite` reads, on the average, go
   * between them and must see all that was sent before them.
   */
  async write(client: WireClient, depth: number, readsPerWrite = 0): Promise<void> {
    for (;;) {
      client.batch(() => {
        while (this.#pending.length < depth) {
          this.#send(client);
          while (this.#draw.below(1000) >= 1000 / (1 + readsPerWrite)) this.#sendRead(client);
        }
      });
      const oldest = this.#pending[0];
      let reply: Reply<unknown>;
      try {
        reply = await oldest.reply;
      } catch {
        return;
      }
      oldest.check(reply);
      oldest.apply(this.#acknowledged);
      this.#pending.shift();
      this.acknowledgedWrites += 1;
      this.onAcknowledged();
      if (reply.zxid < this.lastZxid)
        throw new Error(`${oldest.what}: zxid ${reply.zxid} after ${this.lastZxid}`);
      this.lastZxid = reply.zxid;
      if (this.#wrong !== null) throw this.#wrong;
    }
  }

  #sendRead(client: WireClient): void {
    const name = `n${this.#draw.below(PLAIN_NODES)}`;
    const expected = this.#sent.nodes.get(name);
    const [data, version] = [expected?.data, expected?.version];
    const path = `${this.base}/${name}`;
    client.getData(path).then(
      ({ err, body }) => {
        const found = body?.data ? Buffer.from(body.data).toString() : undefined;
        this.reads += 1;
        if (err === (expected === undefined ? ErrorCode.NONODE : 0) && found === data) {
          if (body?.stat.version === version) return;
        }
        this.#wrong ??= new WrongStateError(
          `a read of ${path} behind the write of version ${version} gave error ${err}, version ${body?.stat.version}`,
        );
      },
      () => {},
    );
  }

  /** Compares what the server has with what it may have; throws where it lost, changed or invented something. */
  async verify(client: WireClient): Promise<void> {
    if (this.#wrong !== null) throw this.#wrong;
    const found = await this.#read(client);
    for (let done = 0; ; done++) {
      const difference = differs(this.#acknowledged, found);
      if (difference === null) {
        this.doneUnacknowledged += done;
        break;
      }
      const next = this.#pending.shift();
      if (next === undefined)
        throw new WrongStateError(`${this.base} is in no state that it may be in: ${difference}`);
      next.apply(this.#acknowledged);
    }
    this.#pending = [];
    this.#sent = { nodes: structuredClone(this.#acknowledged.nodes), creates: this.#acknowledged.creates };
  }

  /** The names of this writer's ephemerals, as far as acknowledged. */
  get ephemerals(): string[] {
    return [...this.#acknowledged.nodes.keys()].filter((name) => name.startsWith('e'));
  }

  async #read(client: WireClient): Promise<State> {
    const { children, stat } = ok(await client.getChildren2(this.base));
    const replies = client.batch(() => children.map((name) => client.getData(`${this.base}/${name}`)));
    const nodes: State['nodes'] = new Map();
    for (const [i, reply] of (await Promise.all(replies)).entries()) {
      const read = ok(reply);
      const owner = children[i].startsWith('e') ? client.session.sessionId : 0n;
      if (read.stat.ephemeralOwner !== owner)
        throw new Error(`${children[i]}: owner ${read.stat.ephemeralOwner}`);
      nodes.set(children[i], { data: Buffer.from(read.data!).toString(), version: read.stat.version });
    }
    return { nodes, creates: (stat.cversion + stat.numChildren) / 2 };
  }

  #send(client: WireClient): void {
    const write = this.#next(client);
    write.apply(this.#sent);
    this.#pending.push(write);
  }

  #next(client: WireClient): Write {
    switch (this.#draw.below(10)) {
      case 0:
        return this.#createSequential(client);
      case 1:
        return this.#deleteSequential(client) ?? this.#createSequential(client);
      case 2:
        return this.#multi(client);
      case 3:
        return this.#failing(client);
      case 4:
        return this.#ephemeral(client);
      default:
        return this.#setOrCreate(client);
    }
  }

  #setOrCreate(client: WireClient): Write {
    const name = `n${this.#draw.below(PLAIN_NODES)}`;
    const data = this.#value();
    const path = `${this.base}/${name}`;
    const node = this.#sent.nodes.get(name);
    if (node === undefined) {
      return {
        what: `create ${path}`,
        apply: (state) => create(state, name, data),
        reply: client.create(path, text(data)),
        check: (reply) => ok(reply),
      };
    }
    const version = node.version + 1;
    return {
      what: `setData ${path} to version ${version}`,
      apply: (state) => set(state, name, data),
      reply: client.setData(path, text(data), this.#draw.below(2) ? -1 : node.version),
      check: (reply) => equal((ok(reply) as { version: number }).version, version, path),
    };
  }

  #createSequential(client: WireClient): Write {
    const name = sequentialName(this.#sent.creates);
    const data = this.#value();
    return {
      what: `create ${this.base}/${name}`,
      apply: (state) => create(state, name, data),
      reply: client.create(`${this.base}/s-`, text(data), Flag.sequential),
      check: (reply) => {
        equal(ok(reply), `${this.base}/${name}`, 'sequential name');
        if (this.#sequentialNames.has(name)) throw new Error(`${name} was given out twice`);
        this.#sequentialNames.add(name);
      },
    };
  }

  #deleteSequential(client: WireClient): Write | null {
    const names = [...this.#sent.nodes.keys()].filter((name) => name.startsWith('s-'));
    if (names.length < this.#draw.below(SEQUENTIAL_NODES_MAX)) return null;
    const name = names[this.#draw.below(names.length)] ?? null;
    if (name === null) return null;
    return {
      what: `delete ${this.base}/${name}`,
      apply: (state) => void state.nodes.delete(name),
      reply: client.delete(`${this.base}/${name}`, 0),
      check: (reply) => ok(reply),
    };
  }

  #ephemeral(client: WireClient): Write {
    const existing = [...this.#sent.nodes.keys()].find((name) => name.startsWith('e'));
    if (existing !== undefined && this.#draw.below(2) === 0) {
      return {
        what: `delete ${this.base}/${existing}`,
        apply: (state) => void state.nodes.delete(existing),
        reply: client.delete(`${this.base}/${existing}`),
        check: (reply) => ok(reply),
      };
    }
    const name = `e${this.#ephemerals++}`;
    return {
      what: `create ephemeral ${this.base}/${name}`,
      apply: (state) => create(state, name, 'e'),
      reply: client.create(`${this.base}/${name}`, text('e'), Flag.ephemeral),
      check: (reply) => ok(reply),
    };
  }

  #multi(client: WireClient): Write {
    const names = [...this.#sent.nodes.keys()].filter((name) => name.startsWith('n')).slice(0, 3);
    const data = this.#value();
    const created = sequentialName(this.#sent.creates);
    const operations: MultiOp[] = [
      { type: 'check', path: this.base },
      ...names.map((name): MultiOp => ({ type: 'setData', path: `${this.base}/${name}`, data: text(data) })),
      { type: 'create', path: `${this.base}/s-`, data: text(data), flags: Flag.sequential },
    ];
    return {
      what: `multi of ${operations.length} in ${this.base}`,
      apply: (state) => {
        for (const name of names) set(state, name, data);
        create(state, created, data);
      },
      reply: client.multi(operations),
      check: (reply) => {
        const results = ok(reply) as { err: number; path?: string }[];
        for (const { err } of results) equal(err, 0, 'result of a multi');
        equal(results.at(-1)?.path, `${this.base}/${created}`, 'sequential name in a multi');
      },
    };
  }

  /** Writes that fail and must leave nothing behind. */
  #failing(client: WireClient): Write {
    const apply = () => {};
    if (this.#draw.below(2) === 0) {
      return {
        what: 'setData of nothing',
        apply,
        reply: client.setData(`${this.base}/missing`, text('x')),
        check: (reply) => equal(reply.err, ErrorCode.NONODE, 'setData of nothing'),
      };
    }
    const operations: MultiOp[] = [
      { type: 'create', path: `${this.base}/never` },
      { type: 'setData', path: this.base, data: text('never') },
      { type: 'check', path: `${this.base}/missing` },
    ];
    return {
      what: 'a multi that fails',
      apply,
      reply: client.multi(operations),
      check: (reply) =>
        equal((ok(reply) as { err: number }[])[2].err, ErrorCode.NONODE, 'a multi that fails'),
    };
  }

  /** Data of 1 to some hundred bytes that tells which write it is of. */
  #value(): string {
    const value = `${this.#values++}`;
    return value + '.'.repeat(this.#draw.below(300));
  }
}

function create(state: State, name: string, data: string): void {
  state.nodes.set(name, { data, version: 0 });
  state.creates += 1;
}

function set(state: State, name: string, data: string): void {
  const node = state.nodes.get(name)!;
  state.nodes.set(name, { data, version: node.version + 1 });
}

function sequentialName(count: number): string {
  return `s-${String(count).padStart(10, '0')}`;
}

function equal(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)}, must be ${String(expected)}`);
}

/** Where two states differ first, or null. */
function differs(expected: State, found: State): string | null {
  for (const [name, { data, version }] of expected.nodes) {
    const node = found.nodes.get(name);
    if (node === undefined) return `${name} is missing`;
    if (node.version !== version) return `${name} has version ${node.version}, not ${version}`;
    if (node.data !== data) return `${name} holds ${node.data}, not ${data}`;
  }
  for (const name of found.nodes.keys()) if (!expected.nodes.has(name)) return `${name} should not be there`;
  return found.creates === expected.creates ? null : `${found.creates} creates, not ${expected.creates}`;
}
