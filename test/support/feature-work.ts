import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { EventType } from '../../src/protocol/opcode.ts';
import type { EnsembleProcesses } from './ensemble-processes.ts';
import { delay } from './server-process.ts';
import { WireClient } from './wire-client.ts';
import { ok } from './wire-connection.ts';
import { type Acl, asText, Flag, text } from './wire-records.ts';

const { BADVERSION, NOAUTH, NODEEXISTS, NONODE, NOTEMPTY } = ErrorCode;
const PATIENCE_MS = 40_000;
/** Two ticks of the ensembles in tests: the shortest that is granted. */
const SHORT_SESSION_MS = 1000;
const TTL_MS = 300n;
const MANAGER = {
  'znode.container.checkIntervalMs': 200,
  'znode.container.maxNeverUsedIntervalMs': 0,
  extendedTypesEnabled: true,
};

/** What TTL znodes and containers need: zoo.cfg lines for our servers, virtual machine's properties for Apache's. */
export const featureConfig: readonly string[] = Object.entries(MANAGER).map(
  ([key, value]) => `${key}=${value}`,
);
export const featureEnv: Readonly<Record<string, string>> = {
  JAVA_TOOL_OPTIONS: Object.entries(MANAGER)
    .map(([key, value]) => `-D${key === 'extendedTypesEnabled' ? 'zookeeper.' : ''}${key}=${value}`)
    .join(' '),
};

/**
 * Everything that a client can do, once through each server, with a second client on the next server of the list that must see
 * it. `name` is a znode that is not there yet. The list should hold servers of both kinds in turn.
 */
export async function workOnEach(
  ensemble: EnsembleProcesses,
  name: string,
  sids: readonly number[] = ensemble.sids,
): Promise<void> {
  await withClient(ensemble.port(sids[0]), async (client) => void ok(await client.create(`/${name}`)));
  await Promise.all(
    sids.map(async (sid, i) => {
      const work = new FeatureWork(ensemble, sid, sids[(i + 1) % sids.length], `/${name}/by-${sid}`);
      try {
        await work.run();
      } catch (error) {
        const kinds = `server ${sid} (${ensemble.server(sid).kind}), seen from ${work.other} (${ensemble.server(work.other).kind})`;
        throw new Error(`${kinds}: ${(error as Error).stack}`, { cause: error });
      }
    }),
  );
}

class FeatureWork {
  readonly other: number;
  readonly #ensemble: EnsembleProcesses;
  readonly #sid: number;
  readonly #base: string;

  constructor(ensemble: EnsembleProcesses, sid: number, other: number, base: string) {
    this.#ensemble = ensemble;
    this.#sid = sid;
    this.other = other;
    this.#base = base;
  }

  async run(): Promise<void> {
    await withClient(this.#here, async (client) => {
      await withClient(this.#there, async (other) => {
        ok(await client.create(this.#base, text('base')));
        await this.#writes(client, other);
        await this.#watches(client, other);
        await this.#multis(client, other);
        await this.#acls(client, other);
        await this.#quota(client, other);
        await this.#timeToLive(client, other);
      });
    });
    await Promise.all([this.#sessionMoves(), this.#sessionExpires()]);
  }

  get #here(): number {
    return this.#ensemble.port(this.#sid);
  }

  get #there(): number {
    return this.#ensemble.port(this.other);
  }

  async #writes(client: WireClient, other: WireClient): Promise<void> {
    const base = this.#base;
    for (let i = 0; i < 3; i++) {
      const path = ok(await client.create(`${base}/s-`, text(`${i}`), Flag.sequential));
      assert.equal(path, `${base}/s-${String(i).padStart(10, '0')}`);
    }
    assert.equal(ok(await client.setData(base, text('changed'), 0)).version, 1);
    assert.equal((await client.setData(base, text('late'), 0)).err, BADVERSION);
    assert.equal((await client.create(base)).err, NODEEXISTS);
    assert.equal((await client.delete(base)).err, NOTEMPTY);
    const created = ok(await client.create2(`${base}/stat`, text('x')));
    ok(await other.sync(base));
    assert.deepEqual(ok(await other.exists(`${base}/stat`)), created.stat);
    assert.equal(asText(ok(await other.getData(base)).data), 'changed');
    // The number goes on wherever the next one is made.
    assert.equal(
      ok(await other.create(`${base}/s-`, null, Flag.sequential)),
      `${base}/s-${String(4).padStart(10, '0')}`,
    );
    ok(await client.sync(base));
    ok(await client.delete(`${base}/s-0000000001`));
    ok(await client.delete(`${base}/stat`));
  }

  async #watches(client: WireClient, other: WireClient): Promise<void> {
    const base = this.#base;
    ok(await other.sync(base));
    ok(await other.getData(base, true));
    ok(await other.getChildren(base, true));
    assert.equal((await other.exists(`${base}/watched`, true)).err, NONODE);
    const before = other.notifications.length;
    ok(await client.setData(base, text('watched')));
    ok(await client.create(`${base}/watched`));
    await other.waitForNotifications(before + 3);
    assert.deepEqual(
      other.notifications
        .slice(before)
        .map(({ type, path }) => [type, path])
        .sort(),
      [
        [EventType.nodeCreated, `${base}/watched`],
        [EventType.nodeDataChanged, base],
        [EventType.nodeChildrenChanged, base],
      ].sort(),
    );
  }

  async #multis(client: WireClient, other: WireClient): Promise<void> {
    const base = this.#base;
    const results = ok(
      await client.multi([
        { type: 'check', path: base },
        { type: 'create', path: `${base}/m-`, data: text('m'), flags: Flag.sequential },
        { type: 'create', path: `${base}/multi`, data: text('m') },
        { type: 'setData', path: `${base}/multi`, data: text('n') },
        { type: 'delete', path: `${base}/watched` },
      ]),
    );
    assert.ok(results.every(({ err }) => err === 0));
    const failed = ok(
      await client.multi([
        { type: 'create', path: `${base}/never` },
        { type: 'setData', path: base, data: text('never') },
        { type: 'delete', path: `${base}/missing` },
        { type: 'create', path: `${base}/never-either` },
      ]),
    );
    assert.equal(failed[2].err, NONODE);
    ok(await other.sync(base));
    assert.equal(asText(ok(await other.getData(`${base}/multi`)).data), 'n');
    assert.equal((await other.exists(`${base}/never`)).err, NONODE);
    assert.equal((await other.exists(`${base}/watched`)).err, NONODE);
  }

  async #acls(client: WireClient, other: WireClient): Promise<void> {
    const user = `user-${this.#sid}:password`;
    const id = `user-${this.#sid}:${createHash('sha1').update(user).digest('base64')}`;
    const own: readonly Acl[] = [{ perms: 31, scheme: 'digest', id }];
    const path = `${this.#base}/private`;
    ok(await client.create(path, text('private'), 0, own));
    assert.equal((await client.getData(path)).err, NOAUTH);
    assert.equal((await client.setData(path, null)).err, NOAUTH);
    ok(await other.sync(path));
    assert.equal((await other.setData(path, null)).err, NOAUTH);
    ok(await other.auth('digest', text(user)));
    ok(await other.setData(path, text('mine')));
    assert.deepEqual(ok(await other.getACL(path)).acl, own);
    ok(await other.setACL(path, [{ perms: 1, scheme: 'world', id: 'anyone' }, ...own]));
    ok(await client.sync(path));
    assert.equal(asText(ok(await client.getData(path)).data), 'mine');
    assert.equal((await client.setData(path, null)).err, NOAUTH);
    const { err } = await client.multi([
      { type: 'setData', path: this.#base, data: text('never') },
      { type: 'setData', path, data: text('never') },
    ]);
    assert.equal(err, 0);
  }

  /** Counted by each server for itself, in no txn. */
  async #quota(client: WireClient, other: WireClient): Promise<void> {
    const base = `${this.#base}/quota`;
    ok(await client.create(base, text('12345')));
    let path = '/zookeeper/quota';
    for (const part of base.slice(1).split('/')) {
      path += `/${part}`;
      const { err } = await client.create(path);
      assert.ok(err === 0 || err === NODEEXISTS);
    }
    ok(await client.create(`${path}/zookeeper_limits`, text('count=100,bytes=1000')));
    ok(await client.create(`${path}/zookeeper_stats`, text('count=0,bytes=0')));
    ok(await client.create(`${base}/child`, text('67')));
    ok(await other.create(`${base}/child-2`, text('8')));
    for (const one of [client, other]) {
      ok(await one.sync('/'));
      assert.equal(asText(ok(await one.getData(`${path}/zookeeper_stats`)).data), 'count=3,bytes=8');
    }
  }

  /** Whoever leads deletes them. */
  async #timeToLive(client: WireClient, other: WireClient): Promise<void> {
    const base = this.#base;
    ok(await client.createTTL(`${base}/ttl`, TTL_MS));
    ok(await client.createContainer(`${base}/container`));
    ok(await client.create(`${base}/container/child`));
    ok(await other.sync(base));
    ok(await other.exists(`${base}/container/child`));
    ok(await client.delete(`${base}/container/child`));
    await isGone(other, `${base}/ttl`);
    await isGone(other, `${base}/container`);
  }

  async #sessionMoves(): Promise<void> {
    const path = `${this.#base}/moved`;
    const first = await WireClient.connect({ port: this.#here, timeoutMs: PATIENCE_MS });
    const { sessionId, password, timeoutMs } = first.session;
    ok(await first.create(path, text('moves'), Flag.ephemeral));
    // Whoever has shown this zxid is followed by a server that has it, too.
    const second = await WireClient.connect({ port: this.#there, sessionId, password, timeoutMs });
    assert.equal(second.session.sessionId, sessionId, 'the session goes on');
    ok(await second.sync(path));
    assert.equal(ok(await second.exists(path)).ephemeralOwner, sessionId);
    ok(await second.setData(path, text('has moved')));
    await first.disconnect();
    const third = await WireClient.connect({ port: this.#here, sessionId, password, timeoutMs });
    assert.equal(third.session.sessionId, sessionId, 'the session goes on');
    await second.disconnect();
    ok(await third.sync(path));
    assert.equal(asText(ok(await third.getData(path)).data), 'has moved');
    ok(await third.closeSession());
    await third.disconnect();
    await withClient(this.#there, (client) => isGone(client, path));
  }

  async #sessionExpires(): Promise<void> {
    const path = `${this.#base}/expires`;
    const client = await WireClient.connect({ port: this.#here, timeoutMs: SHORT_SESSION_MS });
    const { sessionId, password } = client.session;
    ok(await client.create(path, null, Flag.ephemeral));
    await client.disconnect();
    await withClient(this.#there, (other) => isGone(other, path));
    const late = await WireClient.connect({ port: this.#there, sessionId, password });
    assert.equal(late.session.sessionId, 0n, 'the session has expired');
    await late.disconnect();
  }
}

async function isGone(client: WireClient, path: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    ok(await client.sync(path));
    const { err } = await client.exists(path);
    if (err === NONODE) return;
    if (Date.now() > deadline) throw new Error(`${path} is still there`);
    await delay(20);
  }
}

async function withClient(port: number, work: (client: WireClient) => Promise<void>): Promise<void> {
  const client = await WireClient.connect({ port });
  try {
    await work(client);
  } finally {
    await client.leave();
  }
}
