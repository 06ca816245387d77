import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../src/cli/local-ensemble.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'menagerie-test-'));
after(() => rmSync(directory, { recursive: true }));

/** A port with the next thirty free as well, as far as one can know. */
async function freeBasePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const base = 20_000 + Math.floor(Math.random() * 20_000);
    const ports = [0, 1, 2, 10, 11, 12, 20, 21, 22].map((offset) => base + offset);
    const servers = ports.map((port) => createServer().listen(port, '127.0.0.1'));
    const opened = await Promise.all(
      servers.map((server) =>
        Promise.race([
          once(server, 'listening').then(() => true),
          once(server, 'error').then(() => false),
        ]).catch(() => false),
      ),
    );
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    if (opened.every(Boolean)) return base;
  }
  throw new Error('no free ports');
}

describe('an ensemble on one machine', { timeout: 120_000 }, () => {
  it('starts with its files shown, elects, and ends with Ctrl-C', async () => {
    const base = await freeBasePort();
    const dir = join(directory, 'ensemble');
    const child = spawn(process.execPath, [SCRIPT, '--base-port', `${base}`, '--dir', dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    const lines: string[] = [];
    const following = new Set<string>();
    let isLed = false;
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        lines.push(line);
        if (/\] .*leading in epoch/.test(line)) isLed = true;
        const follower = /^\[server (\d)\] .*following server/.exec(line);
        if (follower !== null) following.add(follower[1]);
        if (isLed && following.size === 2) break;
      }
      assert.ok(isLed && following.size === 2, lines.join('\n'));
      const config = join(dir, 'server-3', 'zoo.cfg');
      assert.ok(lines.some((line) => line.includes(`client port ${base + 20}, configuration ${config}`)));
      assert.match(
        readFileSync(config, 'latin1'),
        new RegExp(`server\\.2=127\\.0\\.0\\.1:${base + 11}:${base + 12}`),
      );
    } finally {
      child.kill('SIGINT');
    }
    child.stdout.resume();
    assert.deepEqual(await exit, [0, null]);
  });

  it('ends with exit code 0 when Ctrl-C reaches npm and all, as in a terminal, also before the servers are up', async () => {
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const base = await freeBasePort();
    const dir = join(directory, 'under-npm');
    // A group of its own, as a terminal gives it. What comes before the script, a build, is left out.
    const options = ['--base-port', `${base}`, '--dir', dir];
    const args = ['run', '--ignore-scripts', 'ensemble', '--', ...options];
    for (const sign of [/\] .*leading in epoch/, /\[server 1\] /]) {
      const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
      const exit = once(child, 'exit');
      const lines: string[] = [];
      let isAsked = false;
      const group = -(child.pid ?? assert.fail('npm was not started'));
      try {
        for await (const line of createInterface({ input: child.stdout })) {
          lines.push(line);
          if (isAsked || !sign.test(line)) continue;
          isAsked = true;
          process.kill(group, 'SIGINT');
        }
        assert.deepEqual(await exit, [0, null], lines.join('\n'));
      } finally {
        if (child.exitCode === null && child.signalCode === null) process.kill(group, 'SIGTERM');
      }
      assert.equal(lines.filter((line) => /\[server \d\] (has ended|was killed)/.test(line)).length, 3);
    }
  });

  it('says what a wrong option must be', () => {
    const { status, stderr } = spawnSync(process.execPath, [SCRIPT, '--servers', '12'], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /--servers.*whole number from 1 to 9/);
  });
});
