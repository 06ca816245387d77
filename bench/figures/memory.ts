// `npm run bench:memory`: what znodes cost in memory, beside Apache ZooKeeper.

import { Command } from 'commander';
import { delay } from '../../test/support/server-process.ts';
import {
  fill,
  filledName,
  liveBytes,
  mebibytes,
  residentBytes,
  type Side,
  say,
  sides,
  wholeNumber,
  withSide,
} from './sides.ts';

const options = new Command('bench:memory')
  .description(
    "Fills a server, and Apache ZooKeeper (-Xmx2g) where it is installed, with znodes; prints resident memory and the bytes that\na znode takes beyond its name and data (Apache's: live heap after a full collection, where there is a jcmd).",
  )
  .option('--znodes <n>', 'how many', '1000000')
  .option('--bytes <n>', 'data of each', '100')
  .option('--side <side>', 'menagerie or apache alone')
  .parse()
  .opts<{ znodes: string; bytes: string; side?: Side }>();
const znodes = wholeNumber('znodes', options.znodes);
const bytes = wholeNumber('bytes', options.bytes);

async function measure(side: Side) {
  return await withSide(side, async (server) => {
    const emptyLive = await liveBytes(server);
    const emptyResident = await residentBytes(server);
    await fill(server, znodes, bytes);
    await delay(2000);
    const resident = await residentBytes(server);
    const live = await liveBytes(server);
    const payload = filledName(0).length + bytes;
    const perZnode = live === null || emptyLive === null ? null : (live - emptyLive) / znodes - payload;
    return { side, emptyResident, resident, perZnode };
  });
}

for (const side of sides()) {
  if (options.side !== undefined && options.side !== side) continue;
  say(`${side}: ${znodes} znodes of ${bytes} bytes`);
  const { emptyResident, resident, perZnode } = await measure(side);
  const beyond = perZnode === null ? 'unknown' : `${perZnode.toFixed(0)} bytes`;
  process.stdout.write(
    `${side}: resident ${mebibytes(emptyResident)} empty, ${mebibytes(resident)} filled; a znode beyond name and data: ${beyond}\n`,
  );
}
