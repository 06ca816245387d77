// npm's zookeeper, a native addon around Apache's C client, on a running server. `.ci/run` builds it in a directory of
// its own: nobody else needs a compiler for it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourcesDirectory } from '../storage/support.ts';
import { runCommand } from '../support/command.ts';
import { conformance } from '../support/conformance.ts';

const DIRECTORY = join(sourcesDirectory(), 'clients', 'npm-zookeeper');
const SCRIPT = join(DIRECTORY, 'work.js');
const isBuilt = existsSync(
  join(DIRECTORY, 'node_modules', 'zookeeper', 'build', 'Release', 'zookeeper.node'),
);
const skip = isBuilt ? false : 'npm zookeeper is not built (npm ci --prefix test/clients/npm-zookeeper)';

conformance('npm zookeeper', { config: ['extendedTypesEnabled=true'] }, (subject) => {
  for (const part of ['basics', 'watches', 'acls']) {
    test(part, { skip }, async () => {
      const { code, output } = await runCommand(process.execPath, [SCRIPT, part, String(subject.port)]);
      assert.equal(code, 0, output);
      assert.match(output, /^done$/m);
    });
  }
});
