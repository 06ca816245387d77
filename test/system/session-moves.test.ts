import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { EnsembleProcesses, TICK_MS } from '../support/ensemble-processes.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { text } from '../support/wire-records.ts';

const LONG_MS = 20 * TICK_MS;

describe('a session that has moved', { timeout: 240_000 }, () => {
  let ensemble: EnsembleProcesses;
  const open: WireClient[] = [];

  before(async () => {
    ensemble = await EnsembleProcesses.start({ voters: 5 });
  });
  after(async () => {
    await Promise.all(open.map((client) => client.disconnect()));
    await ensemble.dispose();
  });

  async function connect(sid: number, old?: WireClient): Promise<WireClient> {
    const { sessionId = 0n, password = new Uint8Array(16) } = old?.session ?? {};
    const options = { port: ensemble.port(sid), timeoutMs: LONG_MS, sessionId, password };
    const client = await WireClient.connect(options);
    open.push(client);
    return client;
  }

  /**
   * A client writes to a server that stands still, goes on at another one, and the leader that knows so dies. The first server
   * wakes up with the write in its socket, and with a connection that nobody has closed.
   */
  for (const [name, meanwhile] of [
    ['read', async (moved: WireClient) => void ok(await moved.sync('/'))],
    ['written', async (moved: WireClient) => void ok(await moved.create('/moved/own'))],
  ] as const) {
    test(`and ${name}: what it had sent before is not done behind that`, async () => {
      const leader = await ensemble.settled();
      const [sleeper, other] = await ensemble.followers();
      const before = await connect(sleeper);
      if (name === 'read') ok(await before.create('/moved'));
      const late = `/moved/late-${name}`;
      ok(await before.sync('/'));
      ensemble.pause(sleeper);
      before.create(late, text('late')).catch(() => {});
      const moved = await connect(other, before);
      assert.equal(moved.session.sessionId, before.session.sessionId);
      await meanwhile(moved);
      assert.equal((await moved.exists(late)).err, ErrorCode.NONODE);
      await ensemble.kill9(leader);
      const rest = ensemble.sids.filter((sid) => sid !== leader && sid !== sleeper);
      await ensemble.settled(rest);
      ensemble.resume(sleeper);
      await ensemble.settled([...rest, sleeper]);
      // What the first server has taken from its client it has forwarded before it answers this.
      const witness = await connect(sleeper);
      ok(await witness.sync('/'));
      ok(await witness.create(`/moved/seen-${name}`));
      ok(await witness.sync('/'));
      assert.equal((await witness.exists(late)).err, ErrorCode.NONODE, 'done behind the move');
      await before.waitForClose();
      // Its client may go on, where it has gone to or, if that server leads now, anywhere.
      const going = moved.isClosed ? await connect(sleeper, before) : moved;
      ok(await going.create(`/moved/goes-on-${name}`));
      await Promise.all([witness, going].map((client) => client.leave()));
      await ensemble.restart(leader);
    });
  }
});
