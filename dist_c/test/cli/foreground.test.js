import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
// The process around a server, with servers that do what real ones hardly can be made to do.
const directory = mkdtempSync(join(tmpdir(), 'menagerie-foreground-'));
const children = new Set();
after(() => {
    for (const child of children)
        child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
});
const configFile = join(directory, 'zoo.cfg');
writeFileSync(configFile, `dataDir=${directory}/data\nclientPort=2181\nclientPrt=1\n`);
const moduleOf = (path) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
/** A server that ends when it is told to; parts can be replaced. */
const fakeServer = `
  const make = (parts) => async (config, logger) => {
    let end;
    const stopped = new Promise((resolve) => { end = resolve; });
    const timer = setInterval(() => {}, 1000);
    return { clientPort: 4711, stopped, stop: async (reason) => { clearInterval(timer); end({ code: 0, reason }); },
             ...parts?.({ end, logger }) };
  };`;
class Run {
    child;
    ended;
    stdout = '';
    stderr = '';
    #signalledAt = 0;
    constructor(startServer) {
        const script = `
      import { runForeground } from ${moduleOf('cli/foreground.js')};
      import { DataDirectoryError } from ${moduleOf('storage/data-directory-error.js')};
      ${fakeServer}
      const report = async (report) => { process.stderr.write('report ' + JSON.stringify(report) + '\\n'); };
      process.exit(await runForeground(${JSON.stringify(configFile)}, new Map(), ${startServer}, report));`;
        this.child = spawn(process.execPath, ['--input-type=module', '-e', script], {
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        children.add(this.child);
        this.child.stdout?.on('data', (data) => {
            this.stdout += data.toString();
        });
        this.child.stderr?.on('data', (data) => {
            this.stderr += data.toString();
        });
        this.ended = new Promise((resolve) => {
            this.child.once('close', (code) => {
                children.delete(this.child);
                resolve({ code, afterMs: performance.now() - this.#signalledAt });
            });
        });
    }
    /** Resolves when stdout or stderr holds `text`; rejects when the process ends without. */
    async says(text) {
        const has = () => (this.stdout + this.stderr).includes(text);
        while (!has()) {
            const data = new Promise((resolve) => {
                this.child.stdout?.once('data', resolve);
                this.child.stderr?.once('data', resolve);
            });
            const end = await Promise.race([data.then(() => null), this.ended]);
            if (end !== null && !has())
                throw new Error(`ended without "${text}":\n${this.stdout}${this.stderr}`);
        }
    }
    kill(signal) {
        this.#signalledAt = performance.now();
        this.child.kill(signal);
    }
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    test(`says where it serves, and ${signal} stops it with exit code 0`, async () => {
        const run = new Run('make()');
        await run.says('report {"started":true}');
        assert.match(run.stdout, /INFO: \[main\] Menagerie \S+, speaks as ZooKeeper 3\.9\.5, .*zoo\.cfg\n/);
        assert.match(run.stdout, /WARN: \[main\] .*zoo\.cfg:3: clientPrt=1: unknown key, ignored; is clientPort meant\?\n/);
        assert.match(run.stdout, /serves clients on port 4711 \(all addresses\)\n/);
        assert.ok(run.stdout.includes(`data in ${directory}/data/version-2\n`), run.stdout);
        assert.match(run.stdout, /connect any ZooKeeper client to localhost:4711\n/);
        run.kill(signal);
        const { code } = await run.ended;
        assert.equal(code, 0, run.stdout + run.stderr);
        assert.match(run.stdout, new RegExp(`${signal}: stopping\n.*stopped: ${signal}\n$`));
    });
}
test('a server that does not stop is ended within 2 s', async () => {
    const run = new Run('make(() => ({ stop: () => new Promise(() => {}) }))');
    await run.says('"started":true');
    run.kill('SIGTERM');
    const { code, afterMs } = await run.ended;
    assert.equal(code, 1);
    assert.ok(afterMs > 1800 && afterMs < 2500, `${afterMs} ms`);
    assert.match(run.stdout, /ERROR: \[main\] not stopped 1900 ms after SIGTERM: ends now\n$/);
});
test('a second signal ends it at once', async () => {
    const run = new Run('make(() => ({ stop: () => new Promise(() => {}) }))');
    await run.says('"started":true');
    run.kill('SIGTERM');
    await run.says('SIGTERM: stopping');
    run.kill('SIGINT');
    const { code, afterMs } = await run.ended;
    assert.equal(code, 1);
    assert.ok(afterMs < 1000, `${afterMs} ms`);
    assert.match(run.stdout, /SIGINT again: ends at once\n$/);
});
test('a signal during the start stops the server once it has started', async () => {
    const start = 'async (...args) => { process.kill(process.pid, "SIGTERM"); await new Promise((r) => setTimeout(r, 200)); return await make()(...args); }';
    const run = new Run(start);
    const { code } = await run.ended;
    assert.equal(code, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /SIGTERM: stopping\n.*stopped: SIGTERM\n$/);
});
test('a server that ends by itself says why and gives its exit code', async () => {
    const run = new Run('make(({ end }) => { setTimeout(() => end({ code: 1, reason: "fdatasync failed: EIO" }), 50); })');
    const { code } = await run.ended;
    assert.equal(code, 1);
    assert.match(run.stdout, /FATAL: \[main\] ended: fdatasync failed: EIO\n$/);
});
const failures = [
    ['Object.assign(new Error("port 2181 is in use"), { exitCode: 14 })', 14],
    ['new DataDirectoryError("port 2181 is in use")', 3],
    ['new Error("port 2181 is in use")', 1],
];
for (const [error, expected] of failures) {
    test(`a failed start is one line on stderr, exit code ${expected}`, async () => {
        const run = new Run(`async () => { throw ${error}; }`);
        const { code } = await run.ended;
        assert.equal(code, expected);
        const reason = 'cannot start: port 2181 is in use';
        assert.equal(run.stderr, `${reason}\nreport ${JSON.stringify({ started: false, reason })}\n`);
        assert.ok(!run.stdout.includes('serves'), run.stdout);
    });
}
test('an unexpected error is in the log and ends the process', async () => {
    const run = new Run('make(() => { setTimeout(() => { throw new Error("impossible"); }, 50); })');
    const { code } = await run.ended;
    assert.equal(code, 1);
    assert.match(run.stdout, /FATAL: \[main\] unexpected error, the server ends: impossible/);
});
test('a closed stdout does not end the server', async () => {
    const run = new Run('make(({ logger }) => { setInterval(() => { logger.info("tick"); process.stderr.write("tick"); }, 20); })');
    await run.says('"started":true');
    run.child.stdout?.destroy();
    run.stderr = '';
    await run.says('ticktickticktick');
    run.kill('SIGTERM');
    assert.equal((await run.ended).code, 0, run.stderr);
});
