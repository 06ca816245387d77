import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertLevel } from '../support/ensemble-level.ts';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { PartitionNetwork } from '../support/partition-network.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';

const TAIL = 5;

test('a log that cannot be cut where the leader asks for it costs neither data nor vote', {
  timeout: 180_000,
}, async (context) => {
  const network = new PartitionNetwork();
  context.after(() => network.stop());
  const ensemble = await EnsembleProcesses.start({ voters: 3, network });
  context.after(() => ensemble.dispose());
  const former = await ensemble.settled();
  const others = ensemble.sids.filter((sid) => sid !== former);
  const client = await WireClient.connect({ port: ensemble.port(former) });
  const { zxid } = await client.create('/committed');

  // Its log gets a tail that nobody else has.
  network.separate([former], others);
  for (let i = 0; i < TAIL; i++) client.create(`/tail-${i}`).catch(() => {});
  const newLeader = await ensemble.until('the others have a leader', async () => {
    const modes = await ensemble.modes(others);
    const leader = others.find((sid) => modes.get(sid) === 'leader') ?? null;
    return others.every((sid) => modes.get(sid) !== null) ? leader : null;
  });
  await client.disconnect();
  const writer = await WireClient.connect({ port: ensemble.port(newLeader) });
  ok(await writer.create('/after'));
  await writer.leave();

  // A start takes a snapshot of all that was recovered; of an administrator who keeps one, nothing older is left.
  await ensemble.kill9(former);
  ensemble.launch(former);
  const version2 = join(ensemble.server(former).dataDir, 'version-2');
  const newest = `snapshot.${(zxid + BigInt(TAIL)).toString(16)}`;
  await ensemble.until(newest, async () => (readdirSync(version2).includes(newest) ? true : null));
  await ensemble.kill9(former);
  for (const name of readdirSync(version2)) {
    if (/^(log|snapshot)\./.test(name) && name !== newest) rmSync(join(version2, name));
  }

  // Without it there is no quorum any more.
  await ensemble.kill9(others.find((sid) => sid !== newLeader) ?? 0);
  network.heal();
  ensemble.launch(former);
  await ensemble.settled([former, newLeader]);
  const { output } = ensemble.server(former);
  assert.match(output, /the log cannot be cut at 0x[0-9a-f]+: there is no whole snapshot up to/);
  assert.match(output, /the leader's snapshot at 0x[0-9a-f]+ is here/);
  await ensemble.restart(...others.filter((sid) => sid !== newLeader));
  await assertLevel(ensemble);
  const reader = await WireClient.connect({ port: ensemble.port(former) });
  const { children } = ok(await reader.getChildren2('/'));
  assert.ok(children.includes('committed') && children.includes('after'), children.join());
  assert.ok(!children.some((name) => name.startsWith('tail')), children.join());
  await reader.leave();
});
