import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSameTrees, EnsembleProcesses } from '../support/ensemble-processes.ts';
import { random } from '../support/random.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';

async function withEnsemble(
  config: readonly string[],
  run: (ensemble: EnsembleProcesses) => Promise<void>,
): Promise<void> {
  const ensemble = await EnsembleProcesses.start({ voters: 3, config });
  try {
    await run(ensemble);
  } finally {
    await ensemble.dispose();
  }
}

function connect(ensemble: EnsembleProcesses, sid: number): Promise<WireClient> {
  return WireClient.connect({ port: ensemble.port(sid) });
}

/** Writes through whichever server takes it, until `isEnough`. */
async function writeUntil(ensemble: EnsembleProcesses, sid: number, isEnough: () => boolean): Promise<void> {
  const client = await connect(ensemble, sid);
  const path = ok(await client.create('/until-', null, 2));
  while (!isEnough()) ok(await client.setData(path, null));
  await client.leave();
}

test('a failing disk ends the leader, with one clear line, and another leads; a follower alike', async () => {
  await withEnsemble([], async (ensemble) => {
    const failing = 3;
    const others = [1, 2];
    for (const role of ['leader', 'follower'] as const) {
      await ensemble.kill9(failing);
      const server = ensemble.server(failing);
      server.launch({ MENAGERIE_TEST_FAULT: role === 'leader' ? 'fdatasync:40:EIO' : 'write:60:ENOSPC' });
      const leader = await ensemble.settled();
      if (role === 'leader' && leader !== failing) {
        // With the same history the largest number wins.
        await ensemble.kill9(leader);
        assert.equal(await ensemble.settled(ensemble.sids.filter((sid) => sid !== leader)), failing);
        await ensemble.restart(leader);
      }
      const before = server.output.length;
      const writer = others[0] === leader ? others[1] : others[0];
      await writeUntil(ensemble, writer, () => !server.isRunning);
      assert.equal((await server.exit).code, 1);
      const said = server.output
        .slice(before)
        .split('\n')
        .filter((line) => / (ERROR|FATAL): /.test(line));
      assert.equal(said.length, 1, said.join('\n'));
      assert.match(said[0], role === 'leader' ? /EIO/ : /ENOSPC/);
      assert.ok(others.includes(await ensemble.settled(others)));
      await writeUntil(ensemble, writer, () => true);
      await ensemble.restart(failing);
      await assertSameTrees(ensemble);
    }
  });
});

test('a server whose name nobody knows does not hold up the others', async () => {
  await withEnsemble(['server.4=no-such-server.invalid:2888:3888'], async (ensemble) => {
    await writeUntil(ensemble, await ensemble.aFollower(), () => true);
    const lines = ensemble
      .server(1)
      .output.split('\n')
      .filter((line) => line.includes('no-such-server.invalid'));
    assert.ok(lines.length >= 1 && lines.length < 10, lines.join('\n'));
  });
});

test('a server with the data of another ensemble is turned away, with one clear line, and disturbs nobody', async () => {
  await withEnsemble([], async (ensemble) => {
    const stranger = await ensemble.aFollower();
    const others = ensemble.sids.filter((sid) => sid !== stranger);
    const leader = await ensemble.settled();
    const { dataDir } = ensemble.server(stranger);
    await ensemble.kill9(stranger);
    for (const name of ['acceptedEpoch', 'currentEpoch']) {
      await writeFile(join(dataDir, 'version-2', name), '1000000000\n');
    }
    ensemble.launch(stranger);
    await ensemble.until('the leader says whose data it is', async () =>
      ensemble.server(leader).output.includes('the data of another ensemble?') ? true : null,
    );
    assert.equal(await ensemble.settled(others), leader);
    assert.equal(await ensemble.mode(stranger), null);
    await writeUntil(ensemble, others[0], () => true);
    assert.equal(await ensemble.settled(others), leader);
    await ensemble.kill9(stranger);
    await rm(join(dataDir, 'version-2'), { recursive: true });
    await ensemble.restart(stranger);
    await assertSameTrees(ensemble);
  });
});

test('garbage on the ports between servers is cut off, with one clear line each, and disturbs nobody', async () => {
  await withEnsemble([], async (ensemble) => {
    const leader = await ensemble.settled();
    const client = await connect(ensemble, leader);
    const draw = random();
    for (const sid of ensemble.sids) {
      const ports = ensemble.quorumPorts.get(sid);
      assert.ok(ports !== undefined);
      // Elsewhere nobody listens for learners, or they are closed at once.
      for (const port of sid === leader ? [ports.election, ports.quorum] : [ports.election]) {
        const before = ensemble.server(sid).output.length;
        const bytes = Buffer.from(Array.from({ length: 4096 }, () => 128 + draw.below(128)));
        await untilClosed(port, bytes);
        await ensemble.until('it says so', async () =>
          / WARN: /.test(ensemble.server(sid).output.slice(before)) ? true : null,
        );
        assert.equal(ensemble.server(sid).output.slice(before).trimEnd().split('\n').length, 1);
      }
    }
    assert.equal(await ensemble.settled(), leader);
    ok(await client.create('/undisturbed'));
    await client.leave();
  });
});

test('a second server with the number of another one disturbs nobody', async () => {
  await withEnsemble([], async (ensemble) => {
    const leader = await ensemble.settled();
    const follower = await ensemble.aFollower();
    const second = await EnsembleProcesses.prepare({ voters: 1 });
    const [mine, theirs] = [second.server(1), ensemble.server(follower)];
    const config = await readFile(theirs.configFile, 'utf8');
    await writeFile(
      mine.configFile,
      config
        .replace(theirs.dataDir, mine.dataDir)
        .replace(`clientPort=${theirs.port}`, `clientPort=${mine.port}`),
    );
    try {
      await writeFile(join(mine.dataDir, 'myid'), `${follower}\n`);
      const { code } = await mine.runToExit();
      assert.equal(code, 1);
      const said = mine.output.split('\n').filter((line) => /in use|EADDRINUSE/.test(line));
      assert.equal(said.length, 1, mine.output);
    } finally {
      await second.dispose();
    }
    assert.equal(await ensemble.settled(), leader);
    await writeUntil(ensemble, follower, () => true);
  });
});

test('a second server with the number of another one, at ports of its own, disturbs nobody', async () => {
  await withEnsemble([], async (ensemble) => {
    const leader = await ensemble.settled();
    for (const sid of [1, 3]) {
      const second = await EnsembleProcesses.prepare({ voters: 1 });
      const [mine, theirs] = [second.server(1), ensemble.server(sid)];
      const ports = ensemble.quorumPorts.get(sid) ?? assert.fail();
      const own = second.quorumPorts.get(1) ?? assert.fail();
      const config = await readFile(theirs.configFile, 'utf8');
      await writeFile(
        mine.configFile,
        config
          .replace(theirs.dataDir, mine.dataDir)
          .replace(`clientPort=${theirs.port}`, `clientPort=${mine.port}`)
          .replace(`:${ports.quorum}:${ports.election}`, `:${own.quorum}:${own.election}`),
      );
      await writeFile(join(mine.dataDir, 'myid'), `${sid}\n`);
      try {
        mine.launch();
        const others = ensemble.sids.filter((other) => other !== sid);
        const complaint = new RegExp(
          `says that it is server ${sid}, at 127\\.0\\.0\\.1:${own.election}, and another server`,
          'g',
        );
        await ensemble.until('both others complain', async () =>
          others.every((other) => ensemble.server(other).output.match(complaint) !== null) ? true : null,
        );
        await writeUntil(ensemble, leader, () => true);
        for (const other of others)
          assert.equal(ensemble.server(other).output.match(complaint)?.length, 1, ensemble.outputs());
        assert.equal(await second.mode(1), null);
        assert.deepEqual(await mine.stop(), { code: 0, signal: null });
      } finally {
        await second.dispose();
      }
    }
    assert.equal(await ensemble.settled(), leader);
    await assertSameTrees(ensemble);
  });
});

for (const [what, content, complaint] of [
  ['missing', null, /no such file: it must hold this server's number, one of 1, 2, 3/],
  ['no number', 'one\n', /"one": must be this server's number, one of 1, 2, 3/],
  ['not in the list', '7\n', /7: there is no line server\.7; those that are there: 1, 2, 3/],
] as const) {
  test(`myid ${what}: the server ends with one clear line`, async () => {
    const ensemble = await EnsembleProcesses.prepare({ voters: 3 });
    try {
      const server = ensemble.server(1);
      const file = join(server.dataDir, 'myid');
      if (content === null) await rm(file);
      else await writeFile(file, content);
      assert.equal((await server.runToExit()).code, 2);
      const lines = server.output.split('\n').filter((line) => line.includes('myid'));
      assert.equal(lines.length, 1, server.output);
      assert.match(lines[0], complaint);
    } finally {
      await ensemble.dispose();
    }
  });
}

function untilClosed(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ port, host: '127.0.0.1' }, () => socket.write(bytes));
    socket.setTimeout(10_000, () => {
      socket.destroy();
      reject(new Error(`port ${port} does not cut off who sends garbage`));
    });
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => resolve());
  });
}
