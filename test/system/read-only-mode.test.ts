import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { ZooKeeper } from '../../src/client/index.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { runCommand } from '../support/command.ts';
import { EnsembleProcesses, TICK_MS } from '../support/ensemble-processes.ts';
import { apacheClassPath, apacheMissing } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { asText, Flag, text } from '../support/wire-records.ts';

const LONG_MS = 20 * TICK_MS;
const PYTHON = '/usr/bin/python3';
const hasKazoo = existsSync(PYTHON) && (await runCommand(PYTHON, ['-c', 'import kazoo'])).code === 0;

/** Reads while there is no quorum, and writes when there is one again; the session that it comes with then has expired. */
const kazooScript = `
import sys, time
from kazoo.client import KazooClient
from kazoo.exceptions import NotReadOnlyCallError
from kazoo.protocol.states import KeeperState
zk = KazooClient(hosts="127.0.0.1:%s" % sys.argv[1], timeout=5.0, read_only=True)
zk.start(timeout=30)
assert zk.client_state == KeeperState.CONNECTED_RO, zk.client_state
assert zk.get("/kept")[0] == b"data"
try:
    zk.create("/by-kazoo")
    raise AssertionError("it was created")
except NotReadOnlyCallError:
    print("reads", flush=True)
deadline = time.monotonic() + 60
while zk.client_state != KeeperState.CONNECTED:
    assert time.monotonic() < deadline, zk.client_state
    time.sleep(0.02)
zk.retry(zk.ensure_path, "/by-kazoo")
zk.stop()
print("done", flush=True)
`;

describe('read-only mode', { timeout: 240_000 }, () => {
  let ensemble: EnsembleProcesses;
  /** Cut off from the others, which are not there; it has led before. */
  let alone: number;
  let others: number[];
  const open: WireClient[] = [];
  /** A session of the whole ensemble. */
  let known: WireClient;

  before(async () => {
    // A line of zoo.cfg counts here, though Apache takes it from -D alone.
    ensemble = await EnsembleProcesses.start({ voters: 3, config: ['readonlymode.enabled=true'] });
    alone = await ensemble.settled();
    others = ensemble.sids.filter((sid) => sid !== alone);
    known = await connect(false);
    ok(await known.create('/kept', text('data')));
    ok(await known.create('/ephemeral', null, Flag.ephemeral));
    await ensemble.kill9(...others);
    await known.waitForClose();
    await isReadOnly();
  });
  after(async () => {
    await Promise.all(open.map((client) => client.disconnect()));
    await ensemble.dispose();
  });

  async function isReadOnly(): Promise<void> {
    await ensemble.until('it is read-only', async () =>
      (await ensemble.word(alone, 'srvr').catch(() => '')).includes('\nMode: read-only\n') ? true : null,
    );
  }

  async function connect(readOnly: boolean | 'absent', old?: WireClient, timeoutMs = LONG_MS) {
    const { sessionId = 0n, password = new Uint8Array(16) } = old?.session ?? {};
    const client = await WireClient.connect({
      ...{ port: ensemble.port(alone), readOnly, timeoutMs, sessionId, password },
    });
    open.push(client);
    return client;
  }

  test('four-letter words tell', async () => {
    assert.equal(await ensemble.word(alone, 'isro'), 'ro');
    assert.match(
      await ensemble.word(alone, 'stat'),
      /^Zookeeper version: .*\nREAD-ONLY mode; serving only read-only clients\nClients:\n/,
    );
    assert.match(await ensemble.word(alone, 'mntr'), /^zk_server_state\tread-only$/m);
  });

  test('clients that did not ask for it are turned away without a word', async () => {
    await assert.rejects(connect(false), /connection closed/);
    await assert.rejects(connect('absent'), /connection closed/);
  });

  test('others read what was committed last, and are told that they cannot write', async () => {
    const client = await connect(true);
    assert.equal(client.session.bytes.at(-1), 1, 'readOnly in the ConnectResponse');
    assert.equal(client.session.timeoutMs, LONG_MS);
    assert.equal(BigInt.asUintN(64, client.session.sessionId) >> 56n, BigInt(alone));
    assert.equal(asText(ok(await client.getData('/kept', true)).data), 'data');
    assert.equal(ok(await client.exists('/ephemeral')).ephemeralOwner, known.session.sessionId);
    assert.deepEqual(ok(await client.getEphemerals('/')), []);
    ok(await client.ping());
    ok(await client.auth('digest', text('user:password')));
    ok(await client.addWatch('/kept', 1));
    const refused = client.batch(() => [
      client.create('/new'),
      client.create2('/new'),
      client.delete('/kept'),
      client.setData('/kept', text('x')),
      client.setACL('/kept', [{ perms: 31, scheme: 'world', id: 'anyone' }]),
      client.multi([{ type: 'check', path: '/kept' }]),
      client.sync('/'),
      client.requestBytes(OpCode.check, new Uint8Array(9)),
      client.requestBytes(OpCode.reconfig, new Uint8Array(0)),
      client.createTTL('/new', 1000n),
    ]);
    const zxid = (await client.exists('/')).zxid;
    for (const reply of refused) {
      const { err, zxid: at } = await reply;
      assert.equal(err, ErrorCode.NOTREADONLY);
      assert.equal(at, zxid);
    }
    assert.equal((await client.exists('/new')).err, ErrorCode.NONODE);
    ok(await client.closeSession());
    await client.waitForClose();
  });

  test('their sessions are taken up again here, and expire here', async () => {
    const first = await connect(true, undefined, 2 * TICK_MS);
    const again = await connect(true, first, 2 * TICK_MS);
    assert.equal(again.session.sessionId, first.session.sessionId);
    await first.waitForClose();
    const dump = await ensemble.word(alone, 'dump');
    assert.match(dump, /^Global Sessions\(1\):$/m);
    await again.waitForClose();
  });

  test('a session of the ensemble is neither served nor called expired', async () => {
    await assert.rejects(connect(true, known), /connection closed/);
    ok(await (await connect(true)).getData('/kept'));
  });

  test('Apache’s command line reads, and says what it may not', {
    skip: apacheMissing() ?? false,
  }, async () => {
    const run = (...command: string[]) =>
      runCommand('/usr/bin/java', [
        ...['-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dlog4j.defaultInitOverride=true', '-cp'],
        ...[apacheClassPath(), 'org.apache.zookeeper.ZooKeeperMain', '-r'],
        ...['-server', `127.0.0.1:${ensemble.port(alone)}`, ...command],
      ]);
    const read = await run('get', '/kept');
    assert.equal(read.code, 0, read.output);
    assert.match(read.output, /state:ConnectedReadOnly/);
    assert.match(read.output, /^data$/m);
    const refused = await run('create', '/by-java');
    assert.equal(refused.code, 1, refused.output);
    assert.match(refused.output, /Not a read-only call/i);
  });

  test('when the quorum is back all is as before, for whoever read meanwhile', async () => {
    const watching = await connect(true);
    ok(await watching.getData('/kept', true));
    const zk = await ZooKeeper.connect(ensemble.sids.map((sid) => `127.0.0.1:${ensemble.port(sid)}`).join(), {
      canBeReadOnly: true,
      connectTimeoutMs: 60_000,
    });
    assert.equal(zk.state, 'readOnly');
    let kazoo: Promise<{ code: number | null; output: string }> | null = null;
    if (hasKazoo) {
      await new Promise<void>((reads) => {
        const onOutput = (output: string) => output.includes('reads') && reads();
        kazoo = runCommand(PYTHON, ['-c', kazooScript, String(ensemble.port(alone))], { onOutput });
        kazoo.then(() => reads(), reads);
      });
    }
    await ensemble.restart(...others);
    await watching.waitForClose();
    assert.deepEqual(watching.notifications, [], 'nothing has changed while it could watch');
    await ensemble.settled();
    assert.equal(await ensemble.word(alone, 'isro'), 'rw');
    assert.equal((await connect(true, watching)).session.timeoutMs, 0, 'its session was nobody else’s');
    await ensemble.until('it writes', async () => (zk.state === 'connected' ? true : null));
    await zk.create('/written');
    await zk.close();
    const resumed = await connect(false, known);
    assert.equal(resumed.session.sessionId, known.session.sessionId);
    ok(await resumed.setData('/kept', text('more')));
    await resumed.leave();
    const outcome = await (kazoo as Promise<{ code: number | null; output: string }> | null);
    if (outcome !== null) assert.match(outcome.output, /^done$/m);
    assert.match(await ensemble.word(alone, 'mntr'), /^zk_local_sessions\t0$/m);
  });
});
