import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DataDirectory, snapshotPaths } from '../../src/storage/data-directory.js';
import { DataDirectoryError } from '../../src/storage/data-directory-error.js';
import { LOCK_FILE } from '../../src/storage/directory-lock.js';
import { nodeFileSystem, readText, replaceText } from '../../src/storage/file-system.js';
import { withFaultAt } from '../support/faulty-file-system.js';
import { LogLines, temporaryDirectory } from './support.js';
function options(dataDir, changes = {}) {
    const log = new LogLines();
    return { dataDir, dataLogDir: dataDir, autocreate: true, fileSystem: nodeFileSystem, log, ...changes };
}
test('makes the directories, or refuses when it must not', (context) => {
    const root = temporaryDirectory(context);
    const dataDir = path.join(root, 'data', 'deep');
    const refusal = {
        name: 'DataDirectoryError',
        message: /deep\/version-2: missing, and datadir\.autocreate is false/,
    };
    assert.throws(() => DataDirectory.open(options(dataDir, { autocreate: false })), refusal);
    const directory = DataDirectory.open(options(dataDir, { dataLogDir: path.join(root, 'log') }));
    assert.equal(directory.snapshotDirectory, path.join(dataDir, 'version-2'));
    assert.equal(directory.logDirectory, path.join(root, 'log', 'version-2'));
    assert.ok(fs.statSync(directory.logDirectory).isDirectory());
    directory.release();
    DataDirectory.open(options(dataDir, { autocreate: false })).release();
});
test('lists logs and snapshots by zxid, and nothing else', (context) => {
    const dataDir = temporaryDirectory(context);
    const directory = DataDirectory.open(options(dataDir));
    const names = ['log.1', 'log.a', 'log.100000001', 'log.2f', 'log.5.bak', 'log.x', 'logs.1', 'log.', 'log'];
    names.push('snapshot.0', 'snapshot.b.gz', 'snapshot.9.snappy', 'snapshot.c.tmp', 'snapshot.1.gz.old', 'currentEpoch');
    for (const name of names)
        fs.writeFileSync(path.join(directory.logDirectory, name), '');
    assert.deepEqual(directory.listLogs().map((file) => [file.name, file.zxidHigh, file.zxidLow]), [
        ['log.1', 0, 1],
        ['log.a', 0, 10],
        ['log.2f', 0, 0x2f],
        ['log.100000001', 1, 1],
    ]);
    assert.deepEqual(directory.listSnapshots().map((file) => [file.name, file.compression]), [
        ['snapshot.0', 'none'],
        ['snapshot.9.snappy', 'snappy'],
        ['snapshot.b.gz', 'gz'],
    ]);
    assert.equal(directory.logPath(1, -1), path.join(directory.logDirectory, 'log.1ffffffff'));
    directory.release();
});
test('refuses files that lie in the other directory', (context) => {
    const root = temporaryDirectory(context);
    const split = { dataLogDir: path.join(root, 'log') };
    DataDirectory.open(options(path.join(root, 'data'), split)).release();
    const snapshotInLog = path.join(root, 'log', 'version-2', 'snapshot.0');
    fs.writeFileSync(snapshotInLog, '');
    const wrongSnapshot = {
        name: 'DataDirectoryError',
        message: /snapshot\.0: a snapshot file in the directory of dataLogDir; move/,
    };
    assert.throws(() => DataDirectory.open(options(path.join(root, 'data'), split)), wrongSnapshot);
    fs.rmSync(snapshotInLog);
    fs.writeFileSync(path.join(root, 'data', 'version-2', 'log.1'), '');
    const wrongLog = {
        name: 'DataDirectoryError',
        message: /log\.1: a log file in the directory of dataDir; move/,
    };
    assert.throws(() => DataDirectory.open(options(path.join(root, 'data'), split)), wrongLog);
    assert.ok(!fs.existsSync(path.join(root, 'data', 'version-2', LOCK_FILE)), 'the lock was given back');
});
test('removes what an interrupted snapshot left', (context) => {
    const dataDir = temporaryDirectory(context);
    DataDirectory.open(options(dataDir)).release();
    const { incompletePath } = snapshotPaths(path.join(dataDir, 'version-2'), 0, 5);
    fs.writeFileSync(incompletePath, 'half');
    DataDirectory.open(options(dataDir)).release();
    assert.ok(!fs.existsSync(incompletePath));
});
test('a second server is refused in one line, and may follow after a clean stop', (context) => {
    const dataDir = temporaryDirectory(context);
    const first = DataDirectory.open(options(dataDir));
    assert.throws(() => DataDirectory.open(options(dataDir)), (error) => error instanceof DataDirectoryError &&
        new RegExp(`in use by the server with pid ${process.pid}`).test(error.message) &&
        !error.message.includes('\n'));
    first.release();
    DataDirectory.open(options(dataDir)).release();
    assert.deepEqual(fs.readdirSync(path.join(dataDir, 'version-2')), []);
});
const HOLDER = fileURLToPath(new URL('./lock-holder.js', import.meta.url));
test('the lock of a killed server is taken over, that of a living one is not', async (context) => {
    const dataDir = temporaryDirectory(context);
    const child = spawn(process.execPath, [HOLDER, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => child.on('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const refusal = new RegExp(`pid ${child.pid}`);
    assert.throws(() => DataDirectory.open(options(dataDir)), refusal);
    child.kill('SIGKILL');
    await exited;
    const log = new LogLines();
    const directory = DataDirectory.open(options(dataDir, { log }));
    assert.match(log.lines.join('\n'), /took over the lock/);
    directory.release();
});
test('a pid that another process has now, another boot, or half a lock do not keep a server off', (context) => {
    const dataDir = temporaryDirectory(context);
    DataDirectory.open(options(dataDir)).release();
    const lock = path.join(dataDir, 'version-2', LOCK_FILE);
    const stale = [
        JSON.stringify({ pid: process.pid, started: '1', boot: '' }),
        JSON.stringify({ pid: process.pid, started: '', boot: 'another-boot' }),
        JSON.stringify({ pid: 0x7ffffff0, started: '5', boot: '' }),
        '',
        '{"pid":',
        '{"pid":-1}',
        'null',
    ];
    for (const content of stale) {
        fs.writeFileSync(lock, content);
        DataDirectory.open(options(dataDir)).release();
        assert.ok(!fs.existsSync(lock), content);
    }
});
test('a directory that cannot be written is refused with its path and the reason', (context) => {
    const dataDir = temporaryDirectory(context);
    DataDirectory.open(options(dataDir)).release();
    const fileSystem = withFaultAt(nodeFileSystem, 'open', 1, 'EACCES');
    const refusal = {
        name: 'DataDirectoryError',
        message: /version-2: cannot write here \(EACCES.*make the directory writable/,
    };
    assert.throws(() => DataDirectory.open(options(dataDir, { fileSystem })), refusal);
    const file = path.join(dataDir, 'file');
    fs.writeFileSync(file, '');
    assert.throws(() => DataDirectory.open(options(file)), {
        name: 'DataDirectoryError',
        message: /file\/version-2: /,
    });
});
test('replaceText leaves the old text or the new, whichever call fails', (context) => {
    const file = path.join(temporaryDirectory(context), 'currentEpoch');
    replaceText(nodeFileSystem, file, '1');
    for (const kind of ['open', 'write', 'fsync', 'rename']) {
        assert.throws(() => replaceText(withFaultAt(nodeFileSystem, kind, 1), file, '2'), /EIO/);
        assert.equal(readText(nodeFileSystem, file), '1');
    }
    replaceText(nodeFileSystem, file, '2');
    assert.equal(readText(nodeFileSystem, file), '2');
});
