// Containers and TTL znodes that this server has written, on Apache's server: it knows them for what they are, and deletes
// them when their time has come. Skipped where Apache's jars or a Java are missing.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { apacheMissing, delay, type ServerOptions, ServerProcess } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { Flag, text } from '../support/wire-records.ts';
import { temporaryDirectory } from './support.ts';

const PATIENCE_MS = 30_000;
const NEVER_MS = 3_600_000;
const SNAP_COUNT = 20;

/** Menagerie reads the manager's key from zoo.cfg, Apache from -D alone. */
function options(dataDir: string, checkIntervalMs: number): ServerOptions {
  const key = `znode.container.checkIntervalMs=${checkIntervalMs}`;
  return {
    dataDir,
    config: ['extendedTypesEnabled=true', `snapCount=${SNAP_COUNT}`, key],
    env: { JAVA_TOOL_OPTIONS: `-D${key}` },
  };
}

async function prepare(context: TestContext): Promise<Record<'writer' | 'apache' | 'reader', ServerProcess>> {
  const dataDir = path.join(temporaryDirectory(context), 'data');
  const servers = {
    writer: await ServerProcess.prepare('menagerie', options(dataDir, NEVER_MS)),
    apache: await ServerProcess.prepare('apache', options(dataDir, 100)),
    reader: await ServerProcess.prepare('menagerie', options(dataDir, NEVER_MS)),
  };
  context.after(() => Promise.all(Object.values(servers).map((server) => server.dispose())));
  return servers;
}

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await delay(20);
  }
}

async function write(client: WireClient): Promise<void> {
  for (const name of ['/used', '/emptied', '/untouched']) ok(await client.createContainer(name, text(name)));
  for (const name of ['/used/child', '/emptied/child']) ok(await client.create(name));
  ok(await client.delete('/emptied/child'));
  ok(await client.createTTL('/short', 50n));
  ok(await client.createTTL('/long', BigInt(NEVER_MS)));
  ok(await client.create('/parent'));
  ok(await client.createTTL('/parent/s-', BigInt(NEVER_MS), Flag.ttlSequential));
  ok(await client.createTTL('/short-with-child', 50n));
  ok(await client.create('/short-with-child/child'));
}

async function isGone(client: WireClient, name: string): Promise<boolean> {
  return (await client.exists(name)).err === ErrorCode.NONODE;
}

for (const source of ['log', 'snapshot'] as const) {
  test(`Apache takes them over from our ${source}`, { skip: apacheMissing() ?? false }, async (context) => {
    const { writer, apache, reader } = await prepare(context);
    await writer.start();
    let client = await WireClient.connect({ port: writer.port });
    await write(client);
    if (source === 'snapshot') {
      for (let n = 0; n < 3 * SNAP_COUNT; n++) ok(await client.setData('/parent', text(`${n}`)));
      const files = () => fs.readdirSync(path.join(writer.dataDir, 'version-2'));
      await until(() => files().some((name) => /^snapshot\.(?!0$)/.test(name)), 'a snapshot');
    }
    await client.disconnect();
    await (source === 'log' ? writer.kill9() : writer.stop());

    await apache.start();
    client = await WireClient.connect({ port: apache.port });
    for (const name of ['/used', '/untouched', '/long', '/parent/s-0000000000', '/short-with-child']) {
      const { stat, data } = ok(await client.getData(name));
      assert.equal(stat.ephemeralOwner, 0n, `${name} belongs to no session`);
      if (name === '/used') assert.equal(Buffer.from(data ?? []).toString(), name);
    }
    await until(() => isGone(client, '/emptied'), 'Apache deletes a container that was used');
    await until(() => isGone(client, '/short'), 'Apache deletes a TTL znode');
    ok(await client.delete('/short-with-child/child'));
    await until(() => isGone(client, '/short-with-child'), 'Apache deletes a TTL znode without its child');
    ok(await client.delete('/used/child'));
    await until(() => isGone(client, '/used'), 'Apache deletes a container without its child');
    for (const name of ['/untouched', '/long', '/parent/s-0000000000']) ok(await client.exists(name));
    assert.match(await fourLetterWord(apache.port, 'mntr'), /^zk_digest_mismatches_count\t0$/m);
    await client.disconnect();
    await apache.kill9();

    await reader.start();
    assert.match(reader.output, /recovered \d+ znodes .*digest: equal/);
    client = await WireClient.connect({ port: reader.port });
    for (const name of ['/untouched', '/long', '/parent/s-0000000000']) {
      assert.equal(ok(await client.exists(name)).ephemeralOwner, 0n);
    }
    for (const name of ['/used', '/emptied', '/short', '/short-with-child']) {
      assert.equal((await client.exists(name)).err, ErrorCode.NONODE, name);
    }
    await client.leave();
  });
}
