// `npm run bench:restart`: from the start of the process until it serves, beside Apache ZooKeeper.

import { cp, rm } from 'node:fs/promises';
import { Command } from 'commander';
import { delay, type ServerProcess } from '../../test/support/server-process.ts';
import { WireClient } from '../../test/support/wire-client.ts';
import { ok } from '../../test/support/wire-connection.ts';
import {
  fill,
  mebibytes,
  median,
  prepareSide,
  residentBytes,
  type Side,
  say,
  sides,
  wholeNumber,
} from './sides.ts';

const options = new Command('bench:restart')
  .description(
    'Fills a server, kills it with SIGKILL, and starts it and Apache ZooKeeper in turns, each on a copy of the same data (the formats\nare the same); prints the time from the start of the process to the first answered request.',
  )
  .option('--znodes <n>', 'how many', '1000000')
  .option('--bytes <n>', 'data of each', '100')
  .option('--rounds <n>', 'starts of each', '3')
  .parse()
  .opts<{ znodes: string; bytes: string; rounds: string }>();
const znodes = wholeNumber('znodes', options.znodes);
const bytes = wholeNumber('bytes', options.bytes);
const rounds = wholeNumber('rounds', options.rounds);

/** Milliseconds until a session and an answer are there. */
async function timeToServe(server: ServerProcess): Promise<number> {
  const startedMs = performance.now();
  server.launch();
  for (;;) {
    if (!server.isRunning) throw new Error(`${server.kind} ended:\n${server.output}`);
    const client = await connected(server.port);
    if (client !== null) {
      ok(await client.exists('/filled'));
      const tookMs = performance.now() - startedMs;
      await client.leave();
      return tookMs;
    }
    await delay(5);
  }
}

/** Null while nobody listens, or who listens does not serve yet, as Apache does. */
async function connected(port: number): Promise<WireClient | null> {
  try {
    return await WireClient.connect({ port });
  } catch {
    return null;
  }
}

async function measureOnce(side: Side, source: ServerProcess): Promise<{ ms: number; resident: number }> {
  const server = await prepareSide(side);
  try {
    await rm(server.dataDir, { recursive: true });
    await cp(source.dataDir, server.dataDir, {
      recursive: true,
      filter: (path) => !/menagerie\.lock$|incomplete-/.test(path),
    });
    const ms = await timeToServe(server);
    return { ms, resident: await residentBytes(server) };
  } finally {
    await server.dispose();
  }
}

const source = await prepareSide('menagerie');
try {
  await source.start();
  await fill(source, znodes, bytes);
  await source.kill9();
  const found = new Map<Side, { ms: number; resident: number }[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const side of sides()) {
      const once = await measureOnce(side, source);
      found.set(side, [...(found.get(side) ?? []), once]);
      say(`${side}, round ${round} of ${rounds}: ${(once.ms / 1000).toFixed(2)} s`);
    }
  }
  for (const [side, all] of found) {
    const seconds = (median(all.map(({ ms }) => ms)) / 1000).toFixed(2);
    const resident = mebibytes(median(all.map((one) => one.resident)));
    process.stdout.write(
      `${side}: ${seconds} s until it serves ${znodes} znodes, then ${resident} resident\n`,
    );
  }
} finally {
  await source.dispose();
}
