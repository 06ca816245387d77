// Curator's recipes (Debian packages libcurator-recipes-java, default-jdk-headless) on a running server.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sourcesDirectory } from '../storage/support.ts';
import { runCommand } from '../support/command.ts';
import { conformance } from '../support/conformance.ts';
import { apacheClassPath, apacheMissing } from '../support/server-process.ts';
import { withCut } from '../support/tcp-proxy.ts';

const JAVA = '/usr/bin/java';
const JAVAC = '/usr/bin/javac';
const SOURCE = join(sourcesDirectory(), 'clients', 'CuratorWork.java');
const JARS = ['curator-recipes', 'curator-framework', 'curator-client', 'guava'].map(
  (name) => `/usr/share/java/${name}.jar`,
);
const CLASS_PATH = [...JARS, apacheClassPath()].join(':');
const PARTS = ['basics', 'latch', 'mutex', 'childrenCache', 'treeCache', 'others'];

function reasonToSkip(): string | false {
  const missing = JARS.find((jar) => !existsSync(jar));
  if (missing !== undefined) return `no ${missing} (Debian package libcurator-recipes-java)`;
  if (!existsSync(JAVAC)) return `no ${JAVAC} (Debian package default-jdk-headless)`;
  return apacheMissing() ?? false;
}

const skip = reasonToSkip();

conformance('Curator', { config: ['extendedTypesEnabled=true'] }, (subject) => {
  let classes = '';
  before(async () => {
    if (skip !== false) return;
    classes = await mkdtemp(join(tmpdir(), 'menagerie-curator-'));
    const { code, output } = await runCommand(JAVAC, ['-nowarn', '-cp', CLASS_PATH, '-d', classes, SOURCE]);
    assert.equal(code, 0, output);
  });
  after(async () => {
    if (classes !== '') await rm(classes, { recursive: true, force: true });
  });

  async function work(
    part: string,
    port: number,
    onOutput: (output: string) => void = () => {},
  ): Promise<void> {
    const java = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dlog4j.defaultInitOverride=true'];
    const arguments_ = [...java, '-cp', `${classes}:${CLASS_PATH}`, 'CuratorWork', part, String(port)];
    const { code, output } = await runCommand(JAVA, arguments_, { onOutput });
    assert.equal(code, 0, output);
    assert.match(output, /^done$/m);
  }

  for (const part of PARTS) test(part, { skip }, () => work(part, subject.port));

  test('a cut connection: latch, mutex, node and caches live on', { skip }, async () => {
    await withCut(subject.port, (port, onOutput) => work('cut', port, onOutput));
  });
});
