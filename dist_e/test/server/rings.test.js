import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
/** Runs a test on a server of its own; fails, with the server's output, when the server ended. */
async function onServer(config, test) {
    const server = await startMenagerie({ config });
    try {
        await test(server);
        assert.ok(server.isRunning, server.output);
    }
    catch (error) {
        if (!server.isRunning)
            throw new Error(`the server ended:\n${server.output}`, { cause: error });
        throw error;
    }
    finally {
        await server.dispose();
    }
}
const TINY = ['menagerie.requestRingKb=64', 'menagerie.logRingKb=64', 'menagerie.commitRingKb=64'];
describe('rings as small as they may be', { timeout: 120_000 }, () => {
    for (const workers of [1, 2]) {
        it(`hold up ${workers} worker(s), and lose nothing, under deep pipelines of large writes`, async () => {
            const config = [...TINY, 'jute.maxbuffer=8192', `menagerie.connectionWorkers=${workers}`];
            await onServer(config, async ({ port }) => {
                const clients = await Promise.all(Array.from({ length: 12 }, () => WireClient.connect({ port })));
                await Promise.all(clients.map(async (client, i) => {
                    ok(await client.create(`/c${i}`, null));
                    ok(await client.getData(`/c${i}`, true));
                    const writes = Array.from({ length: 300 }, (_, n) => client.setData(`/c${i}`, Buffer.alloc(7000 + (n % 7), n)));
                    const reads = Array.from({ length: 20 }, () => client.getData(`/c${i}`));
                    for (const [n, reply] of (await Promise.all(writes)).entries())
                        assert.equal(ok(reply).version, n + 1);
                    for (const reply of await Promise.all(reads))
                        assert.equal(ok(reply).data?.length, 7000 + (299 % 7));
                    assert.equal(client.notifications.length, 1);
                    await client.disconnect();
                }));
            });
        });
    }
    it('hold a session with many more ephemerals and watches than fit', async () => {
        await onServer([...TINY, 'jute.maxbuffer=8192', 'menagerie.connectionWorkers=2'], async ({ port }) => {
            const owner = await WireClient.connect({ port });
            const watcher = await WireClient.connect({ port });
            const paths = Array.from({ length: 2000 }, (_, i) => `/ephemeral-with-a-rather-long-name-${i}`);
            for (const reply of await Promise.all(paths.map((path) => owner.create(path, null, 1))))
                ok(reply);
            for (const reply of await Promise.all(paths.map((path) => watcher.exists(path, true))))
                ok(reply);
            ok(await watcher.getChildren('/', true));
            const closing = owner.leave();
            const events = await watcher.waitForNotifications(paths.length + 1);
            assert.equal(events.length, paths.length + 1);
            await closing;
            assert.deepEqual(ok(await watcher.getChildren('/')), ['zookeeper']);
            await watcher.disconnect();
        });
    });
});
describe('rings with jute.maxbuffer', { timeout: 120_000 }, () => {
    for (const [config, bytesMax] of [
        [[], 0xfffff],
        [TINY, 0xfffff],
        [[...TINY, 'jute.maxbuffer=60000'], 60_000],
        [['jute.maxbuffer=4194304'], 4 << 20],
        [['jute.maxbuffer.extrasize=20000000'], 0xfffff],
    ]) {
        it(`hold the largest requests and replies: ${config.join(' ') || 'defaults'}`, async () => {
            await onServer(config, async ({ port }) => {
                const client = await WireClient.connect({ port });
                const largest = Buffer.alloc(bytesMax - 64, 1);
                ok(await client.create('/a', largest));
                assert.equal(ok(await client.getData('/a')).data?.length, largest.length);
                ok(await client.setData('/a', null));
                // The reply to each op of a multi can take more than three times the room of the op.
                const count = Math.floor((bytesMax - 64) / 23);
                const ops = Array.from({ length: count }, () => ({ type: 'setData', path: '/a', data: null }));
                const results = ok(await client.multi(ops));
                assert.equal(results.length, count);
                assert.equal(results.at(-1)?.stat?.version, count + 1);
                const path = `/${'n'.repeat(bytesMax - 64)}`;
                const [exists, sync, create] = await Promise.all([
                    client.exists(path),
                    client.sync(path),
                    client.create(path),
                ]);
                assert.equal(exists.err, ErrorCode.NONODE);
                assert.equal(ok(sync), path);
                assert.equal(ok(create), path);
                ok(await client.exists(path, true));
                ok(await client.delete(path));
                await client.waitForNotifications(1);
                await client.disconnect();
            });
        });
    }
});
