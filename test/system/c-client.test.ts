// Apache's C client (Debian package libzookeeper-mt-dev) on a running server, by a program that is compiled here.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sourcesDirectory } from '../storage/support.ts';
import { runCommand } from '../support/command.ts';
import { conformance } from '../support/conformance.ts';
import { withCut } from '../support/tcp-proxy.ts';

const COMPILER = '/usr/bin/gcc';
const HEADER = '/usr/include/zookeeper/zookeeper.h';
const SOURCE = join(sourcesDirectory(), 'clients', 'c_work.c');
const PARTS = ['basics', 'watches', 'multis', 'acls'];

function reasonToSkip(): string | false {
  if (!existsSync(HEADER)) return `no ${HEADER} (Debian package libzookeeper-mt-dev)`;
  return existsSync(COMPILER) ? false : `no ${COMPILER} (Debian package gcc)`;
}

const skip = reasonToSkip();

conformance("Apache's C client", { config: ['extendedTypesEnabled=true'] }, (subject) => {
  let directory = '';
  before(async () => {
    if (skip !== false) return;
    directory = await mkdtemp(join(tmpdir(), 'menagerie-c-client-'));
    const compile = ['-Wall', '-DTHREADED', '-o', join(directory, 'c_work'), SOURCE];
    const { code, output } = await runCommand(COMPILER, [...compile, '-lzookeeper_mt', '-lpthread']);
    assert.equal(code, 0, output);
  });
  after(async () => {
    if (directory !== '') await rm(directory, { recursive: true, force: true });
  });

  async function work(
    part: string,
    port: number,
    onOutput: (output: string) => void = () => {},
  ): Promise<void> {
    const { code, output } = await runCommand(join(directory, 'c_work'), [part, String(port)], { onOutput });
    assert.equal(code, 0, output);
    assert.match(output, /^done$/m);
  }

  for (const part of PARTS) test(part, { skip }, () => work(part, subject.port));

  test('a cut connection: the session, its ephemerals and its watches live on', { skip }, async () => {
    await withCut(subject.port, (port, onOutput) => work('cut', port, onOutput));
  });
});
