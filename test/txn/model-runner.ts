import assert from 'node:assert/strict';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { dumpTree } from '../storage/test-database.ts';
import { IDENTITIES, type Step } from './histories.ts';
import { opcodeOf, writeAclList, writeRequest } from './requests.ts';
import {
  type AppliedTxn,
  type MachineOptions,
  newSession,
  type TestSession,
  TxnMachine,
  timeOf,
} from './txn-machine.ts';
import { isEphemeral, ZookeeperModel } from './zookeeper-model.ts';

interface Expected {
  readonly error: number;
  readonly reply: Uint8Array;
}

/** Runs a history through prep and apply and through the model, and compares them at every step. */
export class ModelRunner {
  readonly machine: TxnMachine;
  readonly model: ZookeeperModel;
  readonly sessions: TestSession[] = [];
  readonly #expected: Expected[] = [];
  #nextSession = 0x0100_0000_0000_0001n;

  constructor(options: MachineOptions = {}) {
    this.machine = new TxnMachine(options);
    this.model = new ZookeeperModel(options.skipAcl);
    this.model.znodes.get('/')!.cversion = options.rootCversion ?? 0;
    for (let i = 0; i < IDENTITIES.length; i++) this.#openSession(i);
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) this.step(step);
  }

  step({ session: index, applies, action }: Step): void {
    for (let i = 0; i < applies && this.machine.outstanding.length > 0; i++) this.applyNext();
    if (action.type === 'closeSession') this.closeSession(index);
    else this.#request(index, action);
  }

  #request(index: number, request: Exclude<Step['action'], { type: 'closeSession' }>): void {
    const session = this.sessions[index];
    const identities = IDENTITIES[index];
    const { machine, model } = this;
    const made = machine.make(
      opcodeOf(request.type),
      session,
      (writer) => writeRequest(writer, request),
      identities,
    );
    const verdict = model.request(request, session, identities, machine.zxidHigh, made.zxid);
    assert.equal(made.error, verdict.error, `error of ${JSON.stringify(request)}`);
    const type = verdict.error === 0 ? opcodeOf(request.type) : OpCode.error;
    const entry = this.#entry(made.zxid, session, type, verdict.txn, verdict.error === 0);
    assert.equal(hex(made.entry), hex(entry), `entry of ${JSON.stringify(request)}`);
    this.#expected.push({ error: verdict.error, reply: verdict.reply });
  }

  /** Closes the session; another one, with the same identities, takes its place. */
  closeSession(index: number): void {
    const session = this.sessions[index];
    const { machine, model } = this;
    const made = machine.make(OpCode.closeSession, session, () => {});
    assert.equal(session.isClosing, true);
    const paths = model.closeSession(session, machine.zxidHigh, made.zxid);
    const body = new GrowingJuteWriter();
    body.writeInt(paths.length);
    for (const path of paths) body.writeString(path);
    // The order of the paths is prep's choice.
    const expected = this.#entry(made.zxid, session, OpCode.closeSession, body.written(), true);
    assert.deepEqual(closedPaths(made.entry), paths);
    assert.equal(made.entry.length, expected.length);
    assert.equal(hex(made.entry.slice(-12)), hex(expected.slice(-12)), 'digest');
    this.#expected.push({ error: 0, reply: new Uint8Array(0) });
    this.#openSession(index);
  }

  #openSession(index: number): void {
    const session = newSession(this.#nextSession++);
    this.sessions[index] = session;
    const made = this.machine.make(OpCode.createSession, session, (writer) => writer.writeInt(4000));
    const body = new GrowingJuteWriter();
    body.writeInt(4000);
    const entry = this.#entry(made.zxid, session, OpCode.createSession, body.written(), true);
    assert.equal(hex(made.entry), hex(entry));
    this.#expected.push({ error: 0, reply: new Uint8Array(0) });
  }

  /** A log entry by its layout (disk.md §3), with the digest of the model's tree. */
  #entry(zxid: number, session: TestSession, type: number, txn: Uint8Array, withDigest: boolean): Uint8Array {
    const writer = new GrowingJuteWriter();
    writer.writeLong(session.id);
    writer.writeInt(zxid * 3);
    writer.writeLong((BigInt(this.machine.zxidHigh) << 32n) | BigInt(zxid));
    writer.writeLong(BigInt(timeOf(zxid)));
    writer.writeInt(type);
    writer.writeBytes(txn, 0, txn.length);
    if (withDigest) {
      writer.writeInt(2);
      writer.writeLong(this.model.digest());
    }
    return writer.written();
  }

  applyNext(): AppliedTxn {
    const applied = this.machine.applyNext();
    const expected = this.#expected.shift();
    assert.equal(applied.error, expected?.error);
    assert.equal(hex(applied.reply), hex(expected?.reply ?? new Uint8Array(0)), 'reply');
    return applied;
  }

  /** Applies all that waits, and compares the trees and everything that hangs on them. */
  check(): void {
    while (this.machine.outstanding.length > 0) this.applyNext();
    const { machine, model } = this;
    const { tree, ephemerals } = machine.database;
    assert.deepEqual(dumpTree(tree), modelDump(model));
    const digest = (BigInt(tree.treeDigestHigh >>> 0) << 32n) | BigInt(tree.treeDigestLow >>> 0);
    assert.equal(digest, model.digest(), 'tree digest');
    assert.equal(machine.prep.outstandingChanges, 0, 'outstanding changes');
    const lists = new Set([...model.znodes.values()].map(({ acl }) => JSON.stringify(acl)));
    lists.delete(JSON.stringify([[31, 'world', 'anyone']]));
    assert.equal(tree.statistics().aclLists, lists.size, 'ACL lists in use');
    for (const session of this.sessions) {
      const owned = [...ephemerals.of(session.idHigh, session.idLow)].map((ref) => {
        const path = Buffer.alloc(tree.pathLength(ref));
        tree.copyPath(ref, path, 0);
        return path.toString();
      });
      assert.deepEqual(owned.sort(), model.ephemerals(session.id).sort());
    }
    assert.equal(ephemerals.count, [...model.znodes.values()].filter(isEphemeral).length);
    assert.deepEqual([...machine.sessions.keys()].sort(), this.sessions.map(({ id }) => id).sort());
  }

  /** Deletes everything but what every tree has; then nothing may be left of anything. */
  clear(): void {
    const own = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'];
    const paths = [...this.model.znodes.keys()].filter((path) => !own.includes(path));
    const superUser = 2;
    for (const path of paths.sort().reverse()) {
      this.step({ session: superUser, applies: 0, action: { type: 'delete', path, version: -1 } });
    }
    for (const path of own) {
      const action = { type: 'setACL', path, acl: [[31, 'world', 'anyone']], version: -1 } as const;
      this.step({ session: superUser, applies: 0, action });
    }
    this.check();
    assert.equal(this.model.znodes.size, own.length);
    assert.equal(this.machine.tree.statistics().aclLists, 0);
  }
}

function closedPaths(entry: Uint8Array): string[] {
  const view = Buffer.from(entry.buffer, entry.byteOffset, entry.length);
  const paths: string[] = [];
  let at = 36;
  for (let i = 0; i < view.readInt32BE(32); i++) {
    const length = view.readInt32BE(at);
    paths.push(view.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return paths.sort();
}

/** The model's tree in the form of {@link dumpTree}. */
function modelDump(model: ZookeeperModel): ReturnType<typeof dumpTree> {
  const found: ReturnType<typeof dumpTree> = {};
  for (const [path, znode] of model.znodes) {
    const acl = new GrowingJuteWriter();
    writeAclList(acl, znode.acl);
    const stat = new GrowingJuteWriter();
    for (const long of [znode.czxid, znode.mzxid, znode.ctime, znode.mtime]) stat.writeLong(long);
    for (const int of [znode.version, znode.cversion, znode.aversion]) stat.writeInt(int);
    stat.writeLong(znode.owner);
    stat.writeLong(znode.pzxid);
    found[path] = {
      data: znode.data === null ? null : znode.data.toString('base64'),
      acl: hex(acl.written()),
      stat: hex(stat.written()),
    };
  }
  return found;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
