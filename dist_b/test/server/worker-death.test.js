import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, mock } from 'node:test';
import { Worker } from 'node:worker_threads';
import { canReusePort } from '../../src/connection/client-port.js';
import { DataTree } from '../../src/replica/data-tree.js';
import { CommitPublisher } from '../../src/server/commit-publisher.js';
import { readConfig } from '../../src/server/config.js';
import { ConnectionWorkers } from '../../src/server/connection-workers.js';
import { startServer } from '../../src/server/server.js';
import { createSharedMemory } from '../../src/server/shared-memory.js';
import { settle, until } from '../connection/until.js';
import { fourLetterWord } from '../support/four-letter-word.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
/** Where workers must share a descriptor, none may end before the process does (client-port.ts). */
const WORKERS = canReusePort(process.version) ? 2 : 1;
function readOwnConfig(directory) {
    const file = join(directory, 'zoo.cfg');
    const lines = [
        ...['tickTime=500', `dataDir=${directory}/data`, 'clientPort=0', 'clientPortAddress=127.0.0.1'],
        ...[`menagerie.connectionWorkers=${WORKERS}`, 'maxClientCnxns=0', '4lw.commands.whitelist=*'],
        ...['menagerie.replicaMemoryMb=64', 'maxSessionTimeout=60000'],
    ];
    writeFileSync(file, lines.join('\n'));
    return readConfig(file, new Map(), { cores: 2, memoryBytes: 1 << 30, workingDirectory: directory }).config;
}
function silentLogger(lines) {
    const log = (message) => void lines.push(String(message));
    return { trace: log, debug: log, info: log, warn: log, error: log, fatal: log };
}
/** The connection workers' threads, found when they are asked for their summaries, as for a four-letter word. */
function watchThreads() {
    const threads = new Set();
    const post = Worker.prototype.postMessage;
    mock.method(Worker.prototype, 'postMessage', function (...args) {
        if (args[0]?.kind === 'summarise')
            threads.add(this);
        post.apply(this, args);
    });
    return threads;
}
/** A server in this process, so that the test can get hold of its worker threads. */
class OwnServer {
    lines = [];
    #directory = mkdtempSync(join(tmpdir(), 'menagerie-death-'));
    #threadsSeen = new Set();
    #server = null;
    async start() {
        this.#threadsSeen = watchThreads();
        this.#server = await startServer(readOwnConfig(this.#directory), silentLogger(this.lines));
    }
    get port() {
        return this.#server?.clientPort ?? 0;
    }
    word(word) {
        return fourLetterWord(this.port, word, 5000);
    }
    /** The connection workers' threads. */
    async threads() {
        this.#threadsSeen.clear();
        await this.word('srvr');
        assert.equal(this.#threadsSeen.size, WORKERS);
        return [...this.#threadsSeen];
    }
    /** Has a worker die of an error of its own: it gets a message that is none. */
    async breakWorker() {
        const [thread] = await this.threads();
        const died = new Promise((resolve) => thread.once('exit', resolve));
        thread.postMessage(null);
        await died;
    }
    async stop() {
        await this.#server?.stop('end of test');
        mock.restoreAll();
        rmSync(this.#directory, { recursive: true });
    }
}
/** Keeps trying until the port is open again. */
async function reconnect(port, client) {
    const { sessionId, password } = client.session;
    for (let attempt = 0; attempt < 500; attempt++) {
        try {
            const again = await WireClient.connect({ port, sessionId, password, timeoutMs: 30_000 });
            return again;
        }
        catch {
            await settle(5);
        }
    }
    throw new Error('the port never opened again');
}
describe('the death of a connection worker', { timeout: 120_000 }, () => {
    const server = new OwnServer();
    before(() => server.start());
    after(() => server.stop());
    it('drops connections and nothing else', async () => {
        const { port } = server;
        const clients = await Promise.all(Array.from({ length: 6 }, () => WireClient.connect({ port, timeoutMs: 30_000 })));
        const mine = clients.map((_, i) => `/ephemeral-${i}`);
        for (const [i, client] of clients.entries()) {
            ok(await client.create(mine[i], Buffer.from('x'), 1));
            await client.exists(`/watched-${i}`, true);
        }
        await server.breakWorker();
        await Promise.all(clients.map((client) => client.waitForClose()));
        const again = await Promise.all(clients.map((client) => reconnect(port, client)));
        for (const [i, client] of again.entries()) {
            assert.equal(client.session.sessionId, clients[i].session.sessionId);
            assert.equal(ok(await client.exists(mine[i])).ephemeralOwner, client.session.sessionId);
            ok(await client.setData(mine[i], Buffer.from('y')));
        }
        assert.match(await server.word('mntr'), /zk_watch_count\t0\n/);
        assert.match(await server.word('mntr'), /zk_num_alive_connections\t7\n/);
        // Watches work on the new workers.
        ok(await again[0].getData(mine[1], true));
        ok(await again[1].setData(mine[1], Buffer.from('z')));
        await again[0].waitForNotifications(1);
        await Promise.all(again.map((client) => client.leave()));
        assert.ok(server.lines.some((line) => line.includes('connection worker 0 died')));
    });
    it('under load loses no acknowledged write, and answers nobody else in its place', async () => {
        const { port } = server;
        const clients = await Promise.all(Array.from({ length: 8 }, () => WireClient.connect({ port, timeoutMs: 30_000 })));
        ok(await clients[0].create('/load', null));
        const acknowledged = [];
        const writers = clients.map(async (client, c) => {
            for (let n = 0;; n++) {
                const replies = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => client.create(`/load/${c}-${n}-${i}`, Buffer.alloc(500))));
                for (const reply of replies) {
                    if (reply.status === 'rejected')
                        return;
                    acknowledged.push(ok(reply.value) ?? '');
                }
            }
        });
        await until(() => acknowledged.length > 500, 'writes');
        await server.breakWorker();
        await Promise.all(writers);
        const again = await Promise.all(clients.map((client) => reconnect(port, client)));
        const names = new Set(ok(await again[0].getChildren('/load')));
        for (const path of acknowledged)
            assert.ok(names.has(path.slice('/load/'.length)), path);
        await Promise.all(again.map((client) => client.leave()));
    });
});
/** The threads alone, on memory of the test's own. */
async function startWorkers(directory, onFatal) {
    const config = readOwnConfig(directory);
    const shared = createSharedMemory(config, 100);
    const tree = DataTree.create({ memoryBytesMax: 16 << 20, readersMax: WORKERS, hashSeed: 1 });
    const publisher = new CommitPublisher(shared.commits, shared.workerDoorbells);
    const deaths = [];
    const workers = new ConnectionWorkers({
        config,
        shared,
        replica: tree.memory,
        logger: silentLogger([]),
        answerWord: () => Promise.resolve('ok'),
        onStart: (worker) => publisher.workerStarts(worker),
        onDeath: (worker) => {
            publisher.workerDied(worker);
            deaths.push(worker);
        },
        onFatal,
    });
    await workers.start();
    return { workers, deaths };
}
describe('connection workers that die again and again', { timeout: 60_000 }, () => {
    it('are given up, with a reason; until then they come back on the same port', async () => {
        const directory = mkdtempSync(join(tmpdir(), 'menagerie-death-'));
        const seen = watchThreads();
        let reason = '';
        const { workers, deaths } = await startWorkers(directory, (text) => {
            reason = text;
        });
        const { port } = workers;
        try {
            for (let round = 1; round <= 6; round++) {
                seen.clear();
                await until(() => workers.port === port, 'the port');
                const summaries = await workers.summaries('totals');
                assert.equal(summaries.length, WORKERS);
                const [thread] = seen;
                void thread.terminate();
                if (round === 6)
                    break;
                await until(() => deaths.length === round * WORKERS, `death ${round}`);
                assert.equal(reason, '');
                await untilWorkersAnswer(workers);
            }
            await until(() => reason !== '', 'the end');
            assert.match(reason, /connection workers died 6 times within a minute/);
        }
        finally {
            await workers.disconnect();
            await workers.end();
            mock.restoreAll();
            rmSync(directory, { recursive: true });
        }
    });
});
async function untilWorkersAnswer(workers) {
    for (let attempt = 0; attempt < 500; attempt++) {
        if ((await workers.summaries('totals')).length === WORKERS)
            return;
        await settle(5);
    }
    throw new Error('the workers never came back');
}
