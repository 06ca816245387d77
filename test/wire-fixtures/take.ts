// `npm run fixtures`: takes the files in test/fixtures/wire again, from a real Apache ZooKeeper server.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { apacheMissing, type ServerProcess, startApache } from '../support/server-process.ts';
import { wireCases } from './cases/index.ts';
import type { WireCase } from './cases/wire-case.ts';
import { fixturesDirectory } from './directory.ts';
import { Recording } from './recording.ts';

new Command('fixtures')
  .description('Takes the files in test/fixtures/wire again, from a real Apache ZooKeeper server.')
  .parse();

const missing = apacheMissing();
if (missing !== null) throw new Error(missing);

const directory = fixturesDirectory();
await mkdir(directory, { recursive: true });
for (const name of await readdir(directory)) if (name.endsWith('.hex')) await rm(join(directory, name));

const servers = new Map<string, ServerProcess>();
try {
  for (const one of wireCases) await take(one);
} finally {
  for (const server of servers.values()) await server.dispose();
}
console.log(`${wireCases.length} files in ${directory}`);

async function take(one: WireCase): Promise<void> {
  const key = one.config.join('\n');
  const server = servers.get(key) ?? (await startApache({ config: one.config }));
  servers.set(key, server);
  const recording = new Recording(server.port);
  try {
    await one.play(recording, `/${one.name}`);
    const head = [`# ${one.about}`, ...one.config.map((line) => `config ${line}`)];
    await writeFile(join(directory, `${one.name}.hex`), `${[...head, ...recording.toLines()].join('\n')}\n`);
  } catch (error) {
    throw new Error(`${one.name}: ${(error as Error).message}`);
  } finally {
    recording.destroy();
  }
}
