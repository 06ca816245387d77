import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { onBothServers } from '../support/client-servers.ts';
import { runCommand } from '../support/command.ts';

const built = fileURLToPath(new URL('../../examples', import.meta.url));

/** What each example prints. */
const outputs: Readonly<Record<string, readonly string[]>> = {
  'basic-operations': [
    'testRootData',
    '[testChildPathOne]',
    'numChildren 1',
    'event NodeChildrenChanged /testRootPath',
    'testChildDataTwo',
    'event NodeDeleted /testRootPath/testChildPathTwo',
    'event NodeDeleted /testRootPath',
  ],
  'leader-election': ['one leads', 'three leads', 'two leads'],
  lock: ['a is alone: true', 'b is alone: true', 'c is alone: true'],
  'synchronising-queue': ['here', 'here', 'here', 'begin', 'begin', 'begin', 'end', 'end', 'end'],
  'producer-consumer': ['got item 1', 'got item 2', 'got item 3', 'got item 4', 'got item 5'],
};
/** Who comes first is open. */
const anyOrder = new Set(['leader-election', 'lock']);

onBothServers('examples', {}, (subject) => {
  for (const [name, expected] of Object.entries(outputs)) {
    test(name, async () => {
      for (let round = 0; round < 2; round++) {
        const { code, output } = await runCommand(process.execPath, [
          join(built, `${name}.js`),
          subject.address,
        ]);
        const lines = output.trimEnd().split('\n');
        assert.deepEqual(anyOrder.has(name) ? lines.sort() : lines, expected, output);
        assert.equal(code, 0);
      }
    });
  }
});

test('README has the examples as they are', () => {
  const sources = sourceDirectory();
  const readme = readFileSync(join(sources, 'README.md'), 'utf8');
  const files = readdirSync(join(sources, 'examples'));
  assert.deepEqual(files.map((file) => file.replace(/\.ts$/, '')).sort(), Object.keys(outputs).sort());
  for (const file of files) {
    const source = readFileSync(join(sources, 'examples', file), 'utf8');
    assert.ok(readme.includes(`\`\`\`ts\n${source}\`\`\``), `README has examples/${file}`);
  }
});

test('a program of another package compiles against the types', async () => {
  const sources = sourceDirectory();
  const directory = await mkdtemp(join(tmpdir(), 'menagerie-test-types-'));
  try {
    const modules = join(directory, 'node_modules');
    await unpack(sources, join(modules, 'menagerie'));
    await symlink(join(sources, 'node_modules/@types'), join(modules, '@types'));
    await writeFile(join(directory, 'package.json'), '{"type": "module"}');
    const program = [
      "import { ZooKeeper } from 'menagerie/client';",
      "import { Lock } from 'menagerie/client/recipes';",
      "const zk = await ZooKeeper.connect('localhost:2181');",
      "export const version: number = (await zk.getData('/a')).stat.version;",
      '// @ts-expect-error a zxid is a bigint',
      "export const zxid: number = (await zk.getData('/a')).stat.czxid;",
      "export const token: bigint = await new Lock(zk, '/l').using(async (hold) => hold.token);",
    ];
    await writeFile(join(directory, 'program.ts'), program.join('\n'));
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      'node',
    ];
    const tsc = join(sources, 'node_modules/.bin/tsc');
    const { code, output } = await runCommand(tsc, [...options, join(directory, 'program.ts')]);
    assert.equal(code, 0, output);
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** Lays out what `npm pack` packs, and nothing else. */
async function unpack(sources: string, directory: string): Promise<void> {
  const packed = await runCommand('/bin/sh', [
    '-c',
    `cd '${sources}' && npm pack --dry-run --json --ignore-scripts --loglevel=silent`,
  ]);
  assert.equal(packed.code, 0, packed.output);
  const [{ files }] = JSON.parse(packed.output) as [{ files: { path: string }[] }];
  for (const { path } of files) {
    await mkdir(join(directory, dirname(path)), { recursive: true });
    await copyFile(join(sources, path), join(directory, path));
  }
  for (const path of ['bin/zkCli.sh', 'bin/zkServer.sh', 'dist/workers/connection.js', 'conf/zoo_sample.cfg'])
    assert.ok(existsSync(join(directory, path)), `${path} is packed`);
}

/** The directory with README.md, above the built files. */
function sourceDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'README.md'))) directory = dirname(directory);
  return directory;
}
