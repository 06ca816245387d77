import type { Bench } from 'tinybench';
import { GrowingJuteWriter, JuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { DataTree } from '../../src/replica/data-tree.ts';
import { TxnApplier, type TxnEffects } from '../../src/txn/apply.ts';
import { EphemeralOwners } from '../../src/txn/ephemeral-owners.ts';
import { Prep } from '../../src/txn/prep.ts';
import type { PrepRequest } from '../../src/txn/prep-request.ts';
import { Zxid } from '../../src/zab/zxid.ts';
import { bytesOf, writeCreate, writeDelete, writeSetData } from './requests.ts';
import { addBatch, BATCH } from './timed-batch.ts';

const KIBIBYTE = new Uint8Array(1024).fill(7);
const ENTRY_BYTES_MAX = 2048;
const OPTIONS = {
  skipAcl: false,
  digestEnabled: true,
  closeSessionTxnEnabled: true,
  extendedTypesEnabled: false,
  reconfigEnabled: false,
};
const NO_EFFECTS: TxnEffects = {
  znodeChanged: () => {},
  sessionCreated: () => {},
  sessionClosed: () => {},
};

/** A batch of one kind of request, on a path of its own each. */
interface RequestBatch {
  readonly opcode: number;
  readonly bodies: readonly Uint8Array[];
}

function batchOf(opcode: number, body: (writer: JuteWriter, index: number) => void): RequestBatch {
  const bodies = Array.from({ length: BATCH }, (_, i) => bytesOf((writer) => body(writer, i)));
  return { opcode, bodies };
}

const setsData = batchOf(OpCode.setData, (writer, i) => writeSetData(writer, `/bench/node-${i}`, KIBIBYTE));
const creates = batchOf(OpCode.create, (writer, i) => writeCreate(writer, `/bench/node-${i}`, KIBIBYTE));
const deletes = batchOf(OpCode.delete, (writer, i) => writeDelete(writer, `/bench/node-${i}`));

/** A tree with prep and apply over it. Entries lie in shared memory, as in the log ring. */
class Scene {
  readonly #tree = DataTree.create({ memoryBytesMax: 64 * 1024 * 1024, readersMax: 1, hashSeed: 42 });
  readonly #ephemerals = new EphemeralOwners();
  readonly #prep = new Prep(this.#tree, this.#ephemerals, OPTIONS);
  readonly #applier = new TxnApplier(this.#tree, this.#ephemerals, NO_EFFECTS, OPTIONS);
  readonly #entries = new Uint8Array(new SharedArrayBuffer(BATCH * ENTRY_BYTES_MAX));
  readonly #writer = new JuteWriter(this.#entries);
  readonly #reply = new GrowingJuteWriter();
  readonly #zxid = new Zxid(1, 0);
  readonly #ends: number[] = [];
  readonly #zxidsLow: number[] = [];
  readonly #admittedBytes: number[] = [];
  readonly #request: PrepRequest = {
    opcode: 0,
    cxid: 1,
    session: { idHigh: 1, idLow: 1, isClosing: false },
    identities: [{ scheme: 'ip', id: '127.0.0.1' }],
    bytes: KIBIBYTE,
    start: 0,
    end: 0,
    zxidHigh: 0,
    zxidLow: 0,
    timeHigh: 400,
    timeLow: 1,
  };

  constructor() {
    const parent = bytesOf((writer) => writeCreate(writer, '/bench', new Uint8Array(0)));
    this.run({ opcode: OpCode.create, bodies: [parent] });
  }

  prepare({ opcode, bodies }: RequestBatch): void {
    const request = this.#request;
    request.opcode = opcode;
    for (let i = 0; i < bodies.length; i++) {
      this.#zxid.advance();
      request.bytes = bodies[i];
      request.end = bodies[i].length;
      request.zxidHigh = this.#zxid.epoch;
      request.zxidLow = this.#zxid.counter;
      this.#writer.reset(this.#entries, i * ENTRY_BYTES_MAX, (i + 1) * ENTRY_BYTES_MAX);
      this.#prep.prepare(request, this.#writer);
      if (this.#prep.error !== 0) throw new Error(`the request was refused: error ${this.#prep.error}`);
      this.#ends[i] = this.#writer.position;
      this.#zxidsLow[i] = request.zxidLow;
      this.#admittedBytes[i] = this.#prep.admittedBytes;
    }
    this.#ends.length = bodies.length;
  }

  apply(): void {
    for (let i = 0; i < this.#ends.length; i++) {
      this.#reply.position = 0;
      this.#applier.apply(this.#entries, i * ENTRY_BYTES_MAX, this.#ends[i], this.#reply);
    }
  }

  /** Tells prep that the prepared txns are applied. */
  settle(): void {
    for (let i = 0; i < this.#ends.length; i++) this.#prep.applied(this.#zxidsLow[i], this.#admittedBytes[i]);
  }

  run(batch: RequestBatch): void {
    this.prepare(batch);
    this.apply();
    this.settle();
  }

  applyAndSettle(): void {
    this.apply();
    this.settle();
  }
}

/** Registers prep and apply, tree digest included: what main does for each write. */
export function txnBenchmarks(bench: Bench): void {
  const kinds = [
    { name: 'create of 1 KiB', batch: creates, before: null, after: deletes },
    { name: 'delete', batch: deletes, before: creates, after: null },
    { name: 'setData of 1 KiB', batch: setsData, before: creates, after: deletes },
  ];
  for (const { name, batch, before, after } of kinds) {
    const scene = new Scene();
    const runBefore = (): void => {
      if (before !== null) scene.run(before);
    };
    const runAfter = (): void => {
      if (after !== null) scene.run(after);
    };
    addBatch(bench, `prep: ${name}`, () => scene.prepare(batch), {
      before: runBefore,
      after: () => {
        scene.applyAndSettle();
        runAfter();
      },
    });
    addBatch(bench, `apply: ${name}, with its reply`, () => scene.apply(), {
      before: () => {
        runBefore();
        scene.prepare(batch);
      },
      after: () => {
        scene.settle();
        runAfter();
      },
    });
  }
}
