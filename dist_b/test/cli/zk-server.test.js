import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fourLetterWord } from '../support/four-letter-word.js';
import { ServerProcess, startMenagerie } from '../support/server-process.js';
const entry = fileURLToPath(new URL('../../src/cli/zk-server.js', import.meta.url));
function run(...args) {
    return spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8', timeout: 20_000 });
}
/** Starts a server that shall refuse, and gives its exit code and what it wrote after `Using config`. */
async function refusal(server) {
    const { code } = await server.runToExit();
    const lines = server.output
        .split('\n')
        .filter((line) => line !== '' && !/Using config: | INFO: /.test(line));
    return { code, lines };
}
test('start-foreground serves, says where, and SIGTERM ends it within 2 s', async () => {
    const server = await startMenagerie();
    try {
        assert.match(await fourLetterWord(server.port, 'srvr'), /^Mode: standalone$/m);
        assert.match(server.output, new RegExp(`serves clients on port ${server.port} \\(127\\.0\\.0\\.1\\)`));
        assert.ok(server.output.includes(`data in ${join(server.dataDir, 'version-2')}`), server.output);
        assert.ok(server.output.includes(`connect any ZooKeeper client to 127.0.0.1:${server.port}`), server.output);
        const before = performance.now();
        assert.deepEqual(await server.stop(), { code: 0, signal: null });
        assert.ok(performance.now() - before < 2000, `${performance.now() - before} ms`);
        assert.match(server.output, /SIGTERM: stopping/);
    }
    finally {
        await server.dispose();
    }
});
test('SIGINT stops it too, and log lines are JSON when asked for', async () => {
    const server = await startMenagerie({ config: ['menagerie.logFormat=json'] });
    try {
        server.signal('SIGINT');
        assert.deepEqual(await server.exit, { code: 0, signal: null });
        const lines = server.output
            .trimEnd()
            .split('\n')
            .filter((line) => !line.startsWith('Using config'));
        assert.ok(lines.length > 3);
        for (const line of lines)
            assert.equal(typeof JSON.parse(line).msg, 'string', line);
    }
    finally {
        await server.dispose();
    }
});
test('port in use: one clear line, exit code 1', async () => {
    const first = await startMenagerie();
    const second = await ServerProcess.prepare('menagerie', { port: first.port });
    try {
        const { code, lines } = await refusal(second);
        assert.equal(code, 1, second.output);
        assert.equal(lines.length, 1, second.output);
        assert.match(lines[0], new RegExp(`cannot start: .*${first.port}`));
    }
    finally {
        await second.dispose();
        await first.dispose();
    }
});
test('dataDir that cannot be written: one clear line, exit code 3', async () => {
    const server = await ServerProcess.prepare('menagerie');
    try {
        const plainFile = join(server.directory, 'file');
        await writeFile(plainFile, '');
        await appendFile(server.configFile, `dataDir=${plainFile}/data\n`);
        const { code, lines } = await refusal(server);
        const errors = lines.filter((line) => !line.includes('WARN'));
        assert.equal(code, 3, server.output);
        assert.equal(errors.length, 1, server.output);
        assert.ok(errors[0].includes(plainFile), errors[0]);
    }
    finally {
        await server.dispose();
    }
});
test('dataDir in use by another server: one clear line, exit code 3', async () => {
    const first = await startMenagerie();
    const second = await ServerProcess.prepare('menagerie', { dataDir: first.dataDir });
    try {
        const { code, lines } = await refusal(second);
        assert.equal(code, 3, second.output);
        assert.equal(lines.length, 1, second.output);
        assert.match(lines[0], new RegExp(`in use.* ${first.pid}\\b`));
        assert.match(await fourLetterWord(first.port, 'srvr'), /Mode: standalone/);
    }
    finally {
        await second.dispose();
        await first.dispose();
    }
});
test('bad configuration: file, line, key, value and what is allowed, exit code 2', async () => {
    const server = await ServerProcess.prepare('menagerie', { config: ['tickTime=abc'] });
    try {
        const { code, lines } = await refusal(server);
        const line = (await readFile(server.configFile, 'utf8')).split('\n').indexOf('tickTime=abc') + 1;
        assert.equal(code, 2);
        assert.deepEqual(lines, [
            `${server.configFile}:${line}: tickTime=abc: must be a whole number of milliseconds from 1 to 100000000`,
        ]);
    }
    finally {
        await server.dispose();
    }
});
test('-D sets system properties', async () => {
    const server = await ServerProcess.prepare('menagerie');
    try {
        for (const args of [['-Dzookeeper.snapCount=x'], ['-D', 'zookeeper.snapCount=x']]) {
            const { status, stderr } = run('start-foreground', ...args, server.configFile);
            assert.equal(status, 2);
            assert.match(stderr, /^-Dzookeeper\.snapCount=x: must be a whole number of transactions/m);
        }
        assert.equal(run('start-foreground', '-D=x', server.configFile).status, 2);
    }
    finally {
        await server.dispose();
    }
});
test('--help everywhere, version, wrong use', () => {
    const help = run('--help');
    assert.equal(help.status, 0);
    for (const name of ['start-foreground', 'start', 'stop', 'restart', 'status', 'version', 'print-cmd']) {
        assert.ok(help.stdout.includes(`  ${name} `), name);
        const { status, stdout } = run(name, '--help');
        assert.equal(status, 0);
        assert.match(stdout, new RegExp(`^Usage: zk-server ${name}`));
    }
    const version = run('version');
    assert.equal(version.status, 0);
    assert.match(version.stdout, /^Menagerie \d+\.\d+\.\d+ \d{4}-\d\d-\d\d \d\d:\d\d UTC, compatible with Apache ZooKeeper, version 3\.9\.5\n$/);
    assert.equal(run('strat').status, 2);
    assert.equal(run('start', '--no-such-option').status, 2);
    assert.equal(run().status, 2);
});
