import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { assertSameTrees, type EnsembleProcesses } from './ensemble-processes.ts';
import type { ServerKind } from './server-process.ts';
import { WireClient } from './wire-client.ts';
import { ok } from './wire-connection.ts';

/** Both kinds of server keep a digest of every so many zxids for `hash`. */
const DIGEST_INTERVAL = 128n;

/**
 * Whether what such a server counts as digest mismatches tells of the ensemble. An Apache server that was killed counts some of
 * its own making: what it logged last and its snapshot already has is applied to the tree once more when a leader sends it, of
 * either kind ("Current zxid … is <= …" in its log; seen with an Apache leader, too). It ends with the tree of all others.
 */
export type CountsMismatches = (kind: ServerKind) => boolean;

/**
 * All these servers, of either kind, have the same: trees to the last Stat, digests of the same zxid, zxids, sessions,
 * ephemerals; none of them has seen a digest differ, and none has connections or files open that nobody uses. Nobody may write
 * meanwhile.
 */
export async function assertLevel(
  ensemble: EnsembleProcesses,
  sids: readonly number[] = ensemble.sids,
  countsMismatches: CountsMismatches = () => true,
): Promise<void> {
  const zxid = await writeUntilDigest(ensemble.port(sids[0]));
  await sameWord(ensemble, sids, 'zxids', async (sid) => zxidOf(await ensemble.word(sid, 'srvr')));
  await sameWord(
    ensemble,
    sids,
    `digest at ${zxid}`,
    async (sid) => new RegExp(`^${zxid}: .*$`, 'm').exec(await ensemble.word(sid, 'hash'))?.[0],
  );
  await sameWord(ensemble, sids, 'sessions', async (sid) => sessionsOf(await ensemble.word(sid, 'dump')));
  await assertDigests(ensemble, sids, countsMismatches);
  await assertSameTrees(ensemble, sids);
  await assertNothingForgotten(ensemble, sids);
}

/** No server has seen a digest differ, and those of the same zxid are the same on all; others may write meanwhile. */
export async function assertDigests(
  ensemble: EnsembleProcesses,
  sids: readonly number[] = ensemble.sids,
  countsMismatches: CountsMismatches = () => true,
): Promise<void> {
  const seen = new Map<string, { digest: string; sid: number }>();
  for (const sid of sids) {
    const { kind } = ensemble.server(sid);
    const mismatches = /^zk_digest_mismatches_count\t(\d+)$/m.exec(await ensemble.word(sid, 'mntr'))?.[1];
    if (countsMismatches(kind)) assert.equal(mismatches, '0', `server ${sid} (${kind}): digest mismatches`);
    for (const line of (await ensemble.word(sid, 'hash')).trimEnd().split('\n')) {
      const [zxid, digest] = line.split(': ');
      const other = seen.get(zxid);
      if (other === undefined) seen.set(zxid, { digest, sid });
      else assert.equal(digest, other.digest, `digests of ${sid} (${kind}) and ${other.sid} at ${zxid}`);
    }
  }
}

/** Writes until the last zxid is one of those whose digest is kept; gives it as `hash` has it. */
async function writeUntilDigest(port: number): Promise<string> {
  const client = await WireClient.connect({ port });
  try {
    const path = '/zxid-goes-on';
    let { zxid, err } = await client.create(path);
    // The reply to a failed write has the zxid of its txn, too. The session's end is a txn of its own.
    while ((err !== 0 && zxid === 0n) || zxid % DIGEST_INTERVAL !== 0n) {
      ({ zxid, err } = await client.setData(path, null));
      assert.equal(err, 0);
    }
    return zxid.toString(16);
  } finally {
    ok(await client.closeSession());
    await client.disconnect();
  }
}

/** Waits until all say the same; a server may be a moment behind. */
async function sameWord(
  ensemble: EnsembleProcesses,
  sids: readonly number[],
  what: string,
  ask: (sid: number) => Promise<string | undefined>,
): Promise<void> {
  let answers: (string | undefined)[] = [];
  const same = async (): Promise<true | null> => {
    answers = await Promise.all(sids.map(ask));
    return answers[0] !== undefined && answers.every((answer) => answer === answers[0]) ? true : null;
  };
  await ensemble.until(`the same ${what}`, same).catch((error: Error) => {
    const lines = sids.map((sid, i) => `server ${sid} (${ensemble.server(sid).kind}): ${answers[i]}`);
    throw new Error(`${what}:\n${lines.join('\n')}\n${error.message}`, { cause: error });
  });
}

function zxidOf(srvr: string): string | undefined {
  return /^Zxid: (0x[0-9a-f]+)$/m.exec(srvr)?.[1];
}

/** The sessions, and the ephemerals of each, in some order of their own. */
function sessionsOf(dump: string): string {
  const [sessions, rest] = dump.split('ephemeral nodes dump:');
  const ephemerals = rest.split('Connections dump:')[0];
  const ids = sessions.match(/0x[0-9a-f]+/g) ?? [];
  const owners = ephemerals.split(/\n(?=0x)/).slice(1);
  const texts = owners.map((one) => one.trim().split(/\s+/).sort().join(' '));
  return `${ids.sort().join(' ')}\n${texts.sort().join('\n')}`;
}

/**
 * A server without clients has a connection to each other server for elections and one for proposals at most, however often
 * roles have changed, and no file open that is deleted.
 */
async function assertNothingForgotten(ensemble: EnsembleProcesses, sids: readonly number[]): Promise<void> {
  const connectionsMax = 2 * (ensemble.sids.length - 1);
  for (const sid of sids) {
    let found = '';
    const isClean = async (): Promise<true | null> => {
      const { pid, kind } = ensemble.server(sid);
      const links = linksOf(pid);
      const states = connectionStates(links);
      // Java's virtual machine keeps some of its own.
      const deleted = kind === 'apache' ? [] : links.filter((link) => link.endsWith('(deleted)'));
      found = `${states.join(' ')}; ${deleted.join(' ')}`;
      const isEach = states.every((state) => state === ESTABLISHED) && states.length <= connectionsMax;
      return isEach && deleted.length === 0 ? true : null;
    };
    await ensemble.until(`server ${sid} has closed what it does not use`, isClean).catch((error: Error) => {
      throw new Error(`server ${sid} (${ensemble.server(sid).kind}) keeps open: ${found}\n${error.message}`);
    });
  }
}

const ESTABLISHED = '01';
const LISTENING = '0A';

/** States of all TCP connections among the open files, as the kernel names them. */
function connectionStates(links: readonly string[]): string[] {
  const states = new Map<string, string>();
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns.length > 9) states.set(`socket:[${columns[9]}]`, columns[3]);
    }
  }
  return links
    .map((link) => states.get(link))
    .filter((state) => state !== undefined && state !== LISTENING) as string[];
}

function linksOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}
