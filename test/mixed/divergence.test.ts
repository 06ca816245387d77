import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertLevel } from '../support/ensemble-level.ts';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { apacheMissing, type ServerKind } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { asText, text } from '../support/wire-records.ts';
import { alterZnode, appendForeignDigest, appendUnknownTxn } from './tampering.ts';

const LEADER = 3;
const DIVERGED = 1;
const OTHERS = [2, LEADER];

/** An ensemble with `/victim`, of which server 1 is down; nobody has a session. */
async function withServerDown(
  kind: (sid: number) => ServerKind,
  work: (ensemble: EnsembleProcesses) => Promise<void>,
): Promise<void> {
  const ensemble = await EnsembleProcesses.prepare({ voters: 3, kind });
  try {
    ensemble.launch(...OTHERS);
    assert.equal(await ensemble.settled(OTHERS), LEADER);
    await ensemble.restart(DIVERGED);
    await write(ensemble, '/victim', 'right');
    const zxid = await zxidOf(ensemble, LEADER);
    await ensemble.until('it has all', async () =>
      (await zxidOf(ensemble, DIVERGED)) === zxid ? true : null,
    );
    await ensemble.kill9(DIVERGED);
    await work(ensemble);
  } finally {
    await ensemble.dispose();
  }
}

async function write(ensemble: EnsembleProcesses, path: string, data = ''): Promise<void> {
  const client = await WireClient.connect({ port: ensemble.port(LEADER) });
  ok(await client.create(path, text(data)));
  ok(await client.closeSession());
  await client.disconnect();
}

async function zxidOf(ensemble: EnsembleProcesses, sid: number): Promise<string | undefined> {
  return /^Zxid: (.*)$/m.exec(await ensemble.word(sid, 'srvr'))?.[1];
}

async function read(ensemble: EnsembleProcesses, sid: number): Promise<string | null> {
  const client = await WireClient.connect({ port: ensemble.port(sid) });
  try {
    return asText(ok(await client.getData('/victim')).data);
  } finally {
    await client.leave();
  }
}

async function mismatches(ensemble: EnsembleProcesses, sid: number): Promise<number> {
  return Number(/^zk_digest_mismatches_count\t(\d+)$/m.exec(await ensemble.word(sid, 'mntr'))?.[1]);
}

function linesOf(text: string, pattern: RegExp): string[] {
  return text.split('\n').filter((line) => pattern.test(line));
}

for (const leading of ['menagerie', 'apache'] as const) {
  const skip = leading === 'apache' ? (apacheMissing() ?? false) : false;
  const kind = (sid: number): ServerKind => (sid === DIVERGED ? 'menagerie' : leading);

  test(`a tree that is not that of the leader (${leading}) is served no more: a snapshot takes its place`, {
    skip,
    timeout: 180_000,
  }, async () => {
    await withServerDown(kind, async (ensemble) => {
      const server = ensemble.server(DIVERGED);
      alterZnode(server.dataDir, '/victim', 'wrong');
      await ensemble.restart(DIVERGED);
      const before = server.output.length;
      // A session is a txn, the first one that shows the difference: whoever asks for one is turned away before he can read.
      await assert.rejects(read(ensemble, DIVERGED));
      await ensemble.until('the snapshot is here', async () =>
        server.output.slice(before).includes("the leader's snapshot at 0x") ? true : null,
      );
      await ensemble.settled();
      assert.equal(await read(ensemble, DIVERGED), 'right');
      const errors = linesOf(server.output, / (ERROR|FATAL): /);
      assert.equal(errors.length, 1, errors.join('\n'));
      assert.match(
        errors[0],
        /the tree here is not that of the ensemble: tree digest after zxid 0x.*, the txn says 0x/,
      );
      assert.equal(await mismatches(ensemble, DIVERGED), 1);
      await write(ensemble, '/goes-on');
      await ensemble.kill9(DIVERGED);
      await ensemble.restart(DIVERGED);
      await assertLevel(ensemble);
      assert.equal(linesOf(server.output, / ERROR: /).length, 1, 'what is on disk is right again, too');
    });
  });
}

test('a log whose digests are those of another tree is refused at the start: a snapshot takes its place', {
  skip: apacheMissing() ?? false,
  timeout: 180_000,
}, async () => {
  const kind = (sid: number): ServerKind => (sid === DIVERGED ? 'menagerie' : 'apache');
  await withServerDown(kind, async (ensemble) => {
    const server = ensemble.server(DIVERGED);
    appendForeignDigest(server.dataDir, '/victim');
    await write(ensemble, '/goes-on');
    await ensemble.restart(DIVERGED);
    const errors = linesOf(server.output, / (ERROR|FATAL): /);
    assert.equal(errors.length, 1, errors.join('\n'));
    assert.match(
      errors[0],
      /the tree here is not that of the ensemble: .*cannot be replayed: tree digest after zxid/,
    );
    assert.match(server.output, /the leader's snapshot at 0x/);
    await assertLevel(ensemble);
  });
});

test('Apache counts a tree that is not that of its leader, and goes on serving it', {
  skip: apacheMissing() ?? false,
  timeout: 180_000,
}, async () => {
  const kind = (sid: number): ServerKind => (sid === DIVERGED ? 'apache' : 'menagerie');
  await withServerDown(kind, async (ensemble) => {
    alterZnode(ensemble.server(DIVERGED).dataDir, '/victim', 'wrong');
    await ensemble.restart(DIVERGED);
    await write(ensemble, '/goes-on');
    await ensemble.until('it counts', async () => ((await mismatches(ensemble, DIVERGED)) > 0 ? true : null));
    assert.equal(await read(ensemble, DIVERGED), 'wrong');
    assert.equal(await read(ensemble, 2), 'right');
    assert.equal(await mismatches(ensemble, 2), 0);
  });
});

test('a log with a txn of an unknown type ends the start with one clear line; the others go on', async () => {
  await withServerDown(
    () => 'menagerie',
    async (ensemble) => {
      const server = ensemble.server(DIVERGED);
      appendUnknownTxn(server.dataDir);
      const before = server.output.length;
      assert.equal((await server.runToExit()).code, 1);
      const said = linesOf(server.output.slice(before), / (ERROR|FATAL): |unknown txn type/);
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0], /log\.\S+: transaction 0x\S+ cannot be replayed: unknown txn type 99/);
      await write(ensemble, '/goes-on');
      await ensemble.wipe(DIVERGED);
      await ensemble.restart(DIVERGED);
      await assertLevel(ensemble);
    },
  );
});
