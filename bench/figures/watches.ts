// `npm run bench:watches`: what idle sessions and their watches cost, and how long one write takes to reach a thousand
// watchers, beside Apache ZooKeeper.

import { Command } from 'commander';
import { OpCode, Xid } from '../../src/protocol/opcode.ts';
import { delay, type ServerProcess } from '../../test/support/server-process.ts';
import {
  BareConnection,
  creation,
  openMany,
  pathAndData,
  pathAndWatch,
  ReplyAt,
  requestFrame,
} from './bare-connection.ts';
import {
  liveBytes,
  median,
  percentile,
  processorMs,
  residentBytes,
  type Side,
  say,
  sides,
  wholeNumber,
  withSide,
} from './sides.ts';

const options = new Command('bench:watches')
  .description(
    'Memory of idle sessions with a watch each, and the time from one write until the last of many watchers has its event, here\nand in Apache ZooKeeper where it is installed.',
  )
  .option('--sessions <n>', 'idle sessions', '10000')
  .option('--watchers <n>', 'of one znode', '1000')
  .option('--writes <n>', 'that fire all watchers', '50')
  .option('--side <side>', 'menagerie or apache alone')
  .parse()
  .opts<{ sessions: string; watchers: string; writes: string; side?: Side }>();
const sessions = wholeNumber('sessions', options.sessions);
const watchers = wholeNumber('watchers', options.watchers);
const writes = wholeNumber('writes', options.writes);

const WARM_UP_WRITES = 20;
const PATH = '/watched';
const WATCH = requestFrame(1, OpCode.getData, pathAndWatch(PATH, true));
const WRITE = requestFrame(2, OpCode.setData, pathAndData(PATH, Buffer.alloc(100)));
const CREATE = requestFrame(3, OpCode.create, creation(PATH, Buffer.alloc(100)));

/** Sets a watch that nobody else has. */
function ownWatch(n: number): Buffer {
  return requestFrame(4, OpCode.exists, pathAndWatch(`${PATH}/own-${n}`, true));
}

/** Resident bytes, and live ones as far as the side can tell, after it has settled. */
async function used(server: ServerProcess) {
  await delay(1500);
  // Apache's collection first: what it leaves resident is not all garbage.
  const live = server.kind === 'apache' ? await liveBytes(server) : null;
  return { resident: await residentBytes(server), live };
}

async function idle(server: ServerProcess): Promise<string> {
  const before = await used(server);
  const connections = await openMany(server.port, sessions);
  const withSessions = await used(server);
  await Promise.all(connections.map((connection) => connection.ask(WATCH)));
  const withWatches = await used(server);
  // Of a znode that does not exist: what the tree would take for it is no part of the figure.
  await Promise.all(connections.map((connection, i) => connection.ask(ownWatch(i))));
  const withOwnWatches = await used(server);
  for (const connection of connections) connection.close();
  const each = (from: number | null, to: number | null) =>
    from === null || to === null ? 'unknown' : `${((to - from) / sessions).toFixed(0)}`;
  return (
    `${server.kind}: bytes resident for each of ${sessions} sessions ${each(before.resident, withSessions.resident)}, for its watch ` +
    `${each(withSessions.resident, withWatches.resident)}, both ${each(before.resident, withWatches.resident)}; ` +
    `for one more of a path of its own ${each(withWatches.resident, withOwnWatches.resident)}` +
    (server.kind === 'apache'
      ? `; of live heap ${each(before.live, withSessions.live)}, ${each(withSessions.live, withWatches.live)} and ` +
        each(withWatches.live, withOwnWatches.live)
      : '')
  );
}

/** Milliseconds from each write until the last watcher has heard of it, and the server's processor time for a round. */
async function fanOut(server: ServerProcess): Promise<{ times: number[]; cpuMs: number }> {
  const connections = await openMany(server.port, watchers);
  const writer = await BareConnection.open(server.port);
  const times: number[] = [];
  let cpuBeforeMs = 0;
  for (let write = -WARM_UP_WRITES; write < writes; write++) {
    if (write === 0) cpuBeforeMs = await processorMs(server);
    await Promise.all(connections.map((connection) => connection.ask(WATCH)));
    let left = watchers;
    const all = new Promise<void>((resolve, reject) => {
      for (const connection of connections) {
        connection.onFrame = (bytes, at) => {
          if (bytes.readInt32BE(at + ReplyAt.xid) !== Xid.notification)
            reject(new Error('no event but a reply'));
          if (--left === 0) resolve();
        };
      }
    });
    const startedMs = performance.now();
    writer.send(WRITE);
    await all;
    if (write >= 0) times.push(performance.now() - startedMs);
  }
  const cpuMs = ((await processorMs(server)) - cpuBeforeMs) / writes;
  for (const connection of [...connections, writer]) connection.close();
  return { times, cpuMs };
}

for (const side of sides()) {
  if (options.side !== undefined && options.side !== side) continue;
  await withSide(side, async (server) => {
    const creator = await BareConnection.open(server.port);
    await creator.ask(CREATE);
    creator.close();
    say(`${side}: ${writes} writes to ${watchers} watchers`);
    const { times, cpuMs } = await fanOut(server);
    process.stdout.write(
      `${side}: ms until the last of ${watchers} watchers has its event: median ${median(times).toFixed(1)}, ` +
        `p90 ${percentile(times, 0.9).toFixed(1)}, least ${Math.min(...times).toFixed(1)}; the server's processor time for setting all\n  watches and firing them: ${cpuMs.toFixed(1)} ms (the rest is the watchers' own, which share the machine)\n`,
    );
    say(`${side}: ${sessions} idle sessions`);
    process.stdout.write(`${await idle(server)}\n`);
  });
}
