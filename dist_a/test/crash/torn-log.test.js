import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DataDirectory } from '../../src/storage/data-directory.js';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import { recover } from '../../src/storage/recovery.js';
import { dumpTree, TestDatabase } from '../storage/test-database.js';
import { ServerProcess, startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
import { Flag, text } from '../support/wire-records.js';
import { logRecords, newestLog } from './log-records.js';
const PATHS = ['/torn', '/torn/a', '/torn/b', '/torn/e', '/torn/m'];
/** A server's files after a kill -9 behind a dozen acknowledged writes, and what they must hold up to each zxid. */
class KilledServer {
    dataDir;
    logName;
    logBytes;
    records;
    session;
    #history;
    constructor(dataDir, session, history) {
        const { name, bytes } = newestLog(dataDir);
        this.dataDir = dataDir;
        this.logName = name;
        this.logBytes = bytes;
        this.records = logRecords(bytes);
        this.session = session;
        this.#history = history;
    }
    static async make() {
        const dataDir = mkdtempSync(join(tmpdir(), 'menagerie-test-torn-'));
        // Little preallocation, since hundreds of copies are made.
        const server = await startMenagerie({ dataDir, config: ['preAllocSize=64'] });
        const client = await WireClient.connect({ port: server.port });
        const expected = new Map();
        const history = [{ zxid: 0n, expected: new Map(expected) }];
        const did = async (request, changes) => {
            const reply = await request;
            ok(reply);
            for (const [path, data] of Object.entries(changes))
                expected.set(path, data);
            history.push({ zxid: reply.zxid, expected: new Map(expected) });
        };
        await did(client.create('/torn', text('0')), { '/torn': '0' });
        for (let i = 1; i <= 5; i++)
            await did(client.setData('/torn', text(`${i}`)), { '/torn': `${i}` });
        await did(client.create('/torn/a', text('a')), { '/torn/a': 'a' });
        await did(client.create('/torn/e', text('e'), Flag.ephemeral), { '/torn/e': 'e' });
        await did(client.delete('/torn/a'), { '/torn/a': null });
        await did(client.create('/torn/b', text('b'.repeat(100))), { '/torn/b': 'b'.repeat(100) });
        await did(client.multi([
            { type: 'create', path: '/torn/m', data: text('m') },
            { type: 'setData', path: '/torn', data: text('multi') },
        ]), { '/torn/m': 'm', '/torn': 'multi' });
        await did(client.setData('/torn', text('last')), { '/torn': 'last' });
        await server.dispose();
        return new KilledServer(dataDir, client.session, history);
    }
    /** What is expected when the log holds all up to `zxid`. */
    at(zxid) {
        return this.#history.filter((one) => one.zxid <= zxid).at(-1).expected;
    }
    /** The zxid of the last record that is whole below `offset`. */
    zxidBelow(offset) {
        return this.records.filter((record) => record.end <= offset).at(-1)?.zxid ?? 0n;
    }
    /** A copy of the files with another log; the caller removes it. */
    copy(log) {
        const copy = mkdtempSync(join(tmpdir(), 'menagerie-test-torn-'));
        cpSync(this.dataDir, copy, { recursive: true });
        writeFileSync(join(copy, 'version-2', this.logName), log);
        return copy;
    }
    /** The log as after a write that reached the disk up to `offset`: cut there, or with zeros from there on. */
    torn(offset, how) {
        if (how === 'cut')
            return this.logBytes.subarray(0, offset);
        const log = Buffer.from(this.logBytes);
        log.fill(0, offset);
        return log;
    }
    /** Whether a log torn at `offset` shows it: part of a record is there, and not only leading zeros of its checksum. */
    isTear(offset, bytes) {
        const record = this.records.find(({ start, end }) => start < offset && offset < end);
        return record !== undefined && bytes.subarray(record.start).some((byte) => byte !== 0);
    }
    remove() {
        rmSync(this.dataDir, { recursive: true, force: true });
    }
}
describe('a log whose end is torn or whose middle is damaged', { timeout: 300_000 }, () => {
    let killed;
    before(async () => {
        killed = await KilledServer.make();
    });
    after(() => killed.remove());
    test('every acknowledged write has a record of its own', () => {
        assert.ok(killed.records.length >= 13, `${killed.records.length} records`);
        killed.records.forEach((record, i) => {
            if (i > 0)
                assert.equal(record.zxid, killed.records[i - 1].zxid + 1n);
        });
    });
    for (const how of ['cut', 'zeros']) {
        test(`${how} at every byte of the last three records: all whole records are recovered`, () => {
            const copy = killed.copy(killed.logBytes);
            const lines = [];
            const log = { info: () => { }, warn: (line) => lines.push(line) };
            for (let offset = killed.records.at(-3).start; offset <= killed.records.at(-1).end; offset++) {
                const bytes = killed.torn(offset, how);
                writeFileSync(join(copy, 'version-2', killed.logName), bytes);
                lines.length = 0;
                const directory = DataDirectory.open({
                    dataDir: copy,
                    dataLogDir: copy,
                    autocreate: false,
                    fileSystem: nodeFileSystem,
                    log,
                });
                try {
                    const { target, lastZxidHigh, lastZxidLow } = recover({
                        directory,
                        newTarget: () => new TestDatabase(),
                        log,
                        entryBytesMax: 2 << 20,
                        trustEmptySnapshot: false,
                        digestEnabled: true,
                        isEnsembleMember: false,
                    });
                    const zxid = (BigInt(lastZxidHigh) << 32n) | BigInt(lastZxidLow >>> 0);
                    assert.equal(zxid, killed.zxidBelow(offset), `${how} at ${offset}`);
                    const tree = dumpTree(target.tree);
                    for (const [path, data] of killed.at(zxid)) {
                        const found = tree[path]?.data ?? null;
                        assert.equal(found, data === null ? null : Buffer.from(data).toString('base64'), `${how} at ${offset}: ${path}`);
                    }
                    if (killed.isTear(offset, bytes)) {
                        assert.ok(lines.some((line) => line.includes(killed.logName)), `no log line for ${how} at ${offset}`);
                    }
                }
                finally {
                    directory.release();
                }
            }
            rmSync(copy, { recursive: true, force: true });
        });
    }
    for (const how of ['cut', 'zeros']) {
        for (const [name, place] of [
            ['between the last two records', (record) => record.start],
            ['in the checksum of the last record', (record) => record.start + 5],
            ['in the data of the last record', (record) => record.start + 40],
            ['at the end marker of the last record', (record) => record.end - 1],
        ]) {
            test(`a server starts on a log with ${how} ${name}, and goes on`, async () => {
                const offset = place(killed.records.at(-1));
                const copy = killed.copy(killed.torn(offset, how));
                const server = await startMenagerie({ dataDir: copy });
                try {
                    const { sessionId, password } = killed.session;
                    const client = await WireClient.connect({ port: server.port, sessionId, password });
                    assert.equal(client.session.sessionId, sessionId);
                    const zxid = killed.zxidBelow(offset);
                    await holds(client, killed.at(zxid));
                    assert.ok((await client.setData('/torn', text('after'))).zxid > zxid);
                    if (offset > killed.records.at(-1).start) {
                        assert.ok(server.output.includes(killed.logName), `no log line about ${killed.logName}:\n${server.output}`);
                    }
                    await server.kill9();
                    await server.start();
                    const back = await WireClient.connect({ port: server.port, sessionId, password });
                    await holds(back, new Map([...killed.at(zxid), ['/torn', 'after']]));
                    await back.leave();
                }
                finally {
                    await server.dispose();
                    rmSync(copy, { recursive: true, force: true });
                }
            });
        }
    }
    for (const [name, at] of [
        ['the data of an early record', (record) => record.start + 50],
        ['the checksum of an early record', (record) => record.start + 6],
        ['the length of an early record', (record) => record.start + 11],
        ['the end marker of an early record', (record) => record.end - 1],
    ]) {
        test(`one bit of ${name} is flipped: refused, with file, offset and advice, and nothing is touched`, async () => {
            const record = killed.records[3];
            const log = Buffer.from(killed.logBytes);
            log[at(record)] ^= 0x04;
            const copy = killed.copy(log);
            const server = await ServerProcess.prepare('menagerie', { dataDir: copy });
            try {
                const { code } = await server.runToExit();
                assert.ok(code !== null && code !== 0, `exit code ${code}`);
                const file = join(copy, 'version-2', killed.logName);
                assert.ok(server.output.includes(file), server.output);
                const offsets = [...server.output.matchAll(/offset (\d+)/g)].map((match) => Number(match[1]));
                assert.ok(offsets.some((offset) => offset >= record.start && offset < record.end), `no offset in ${record.start}..${record.end}:\n${server.output}`);
                assert.match(server.output, /[Rr]estore/, 'what the operator can do');
                assert.ok(readFileSync(file).equals(log), 'the damaged file is left as it is');
            }
            finally {
                await server.dispose();
                rmSync(copy, { recursive: true, force: true });
            }
        });
    }
});
async function holds(client, expected) {
    for (const path of PATHS) {
        const reply = await client.getData(path);
        const found = reply.body?.data ? Buffer.from(reply.body.data).toString() : null;
        assert.equal(found, expected.get(path) ?? null, path);
    }
}
