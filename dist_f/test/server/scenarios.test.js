import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../connection/until.js';
import { startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
async function onServer(config, test) {
    const server = await startMenagerie({ config });
    try {
        await test(server);
    }
    catch (error) {
        throw new Error(`${error.message}\n\nOutput of the server:\n${server.output}`, {
            cause: error,
        });
    }
    finally {
        await server.dispose();
    }
}
function snapshots(server) {
    return readdirSync(join(server.dataDir, 'version-2')).filter((name) => name.startsWith('snapshot.'));
}
describe('snapshots beside writes', { timeout: 120_000 }, () => {
    it('and the logs give everything back after kill -9, with every kind of write under way', async () => {
        await onServer(['snapCount=300', 'preAllocSize=64'], async (server) => {
            const { port } = server;
            const clients = await Promise.all(Array.from({ length: 4 }, () => WireClient.connect({ port })));
            const keeper = clients[0];
            ok(await keeper.create('/kept', null, 1));
            await Promise.all(clients.map(async (client, c) => {
                ok(await client.create(`/c${c}`, null));
                for (let round = 0; round < 25; round++) {
                    const path = `/c${c}/r${round % 3}`;
                    const replies = await Promise.all([
                        client.create2(path, Buffer.alloc(100, round), 0, [
                            { perms: 31, scheme: 'digest', id: `a${round}:b` },
                        ]),
                        client.create2(`/c${c}/s-`, null, 2),
                        client.create(`/c${c}/e-`, null, 3),
                        client.multi([
                            { type: 'create2', path: `${path}-m`, data: Buffer.from('m') },
                            { type: 'setData', path: `/c${c}`, data: Buffer.from(`${round}`) },
                            { type: 'delete', path: `${path}-m` },
                        ]),
                        client.setACL(`/c${c}`, [
                            { perms: 31, scheme: 'world', id: 'anyone' },
                            { perms: 1, scheme: 'ip', id: `10.0.0.${round}` },
                        ]),
                        client.delete(path),
                    ]);
                    for (const { err } of replies)
                        assert.equal(err, 0);
                }
            }));
            await until(() => snapshots(server).length >= 2, 'a snapshot');
            const before = await Promise.all(clients.map((_, c) => keeper.getChildren2(`/c${c}`)));
            const acls = await Promise.all(clients.map((_, c) => keeper.getACL(`/c${c}`)));
            await server.kill9();
            await server.start();
            assert.match(server.output, /digest: equal/);
            const { sessionId, password } = keeper.session;
            const again = await WireClient.connect({ port, sessionId, password });
            assert.equal(again.session.sessionId, sessionId);
            assert.equal(ok(await again.exists('/kept')).ephemeralOwner, sessionId);
            for (const [c, reply] of before.entries()) {
                const now = ok(await again.getChildren2(`/c${c}`));
                assert.deepEqual(now.children.sort(), ok(reply).children.sort());
                assert.deepEqual(now.stat, ok(reply).stat);
                assert.deepEqual(ok(await again.getACL(`/c${c}`)).acl, ok(acls[c]).acl);
            }
            await again.leave();
            await Promise.all(clients.map((client) => client.disconnect()));
        });
    });
});
describe('menagerie.sessionsMax', { timeout: 60_000 }, () => {
    it('refuses a session too many with a line in the log, and others go on', async () => {
        await onServer(['menagerie.sessionsMax=3'], async (server) => {
            const { port } = server;
            const clients = await Promise.all(Array.from({ length: 3 }, () => WireClient.connect({ port })));
            await assert.rejects(WireClient.connect({ port }), /connection closed/);
            await until(() => server.output.includes('menagerie.sessionsMax=3'), 'the line');
            for (const client of clients)
                ok(await client.create('/c-', null, 2));
            // A client with a session may come back; one that leaves makes room.
            const { sessionId, password } = clients[0].session;
            const back = await WireClient.connect({ port, sessionId, password });
            assert.equal(back.session.sessionId, sessionId);
            await clients[1].leave();
            const next = await WireClient.connect({ port });
            ok(await next.create('/c-', null, 2));
            await Promise.all([back, clients[0], clients[2], next].map((client) => client.disconnect()));
            // All three are in the data, and none is lost by a restart.
            await server.stop();
            await server.start();
            const again = await WireClient.connect({ port, sessionId, password });
            assert.equal(again.session.sessionId, sessionId);
            await assert.rejects(WireClient.connect({ port }), /connection closed/);
            await again.disconnect();
        });
    });
});
describe('snapshot.trust.empty', { timeout: 60_000 }, () => {
    it('brings a database back from its logs alone', async () => {
        await onServer([], async (server) => {
            const { port } = server;
            const client = await WireClient.connect({ port });
            for (let i = 0; i < 20; i++)
                ok(await client.create('/c-', Buffer.from(`${i}`), 2));
            await client.leave();
            await server.stop();
            for (const name of snapshots(server))
                rmSync(join(server.dataDir, 'version-2', name));
            const refused = await server.runToExit();
            assert.notEqual(refused.code, 0);
            assert.match(server.output, /snapshot\.trust\.empty=true/);
            const trusting = await startMenagerie({
                dataDir: server.dataDir,
                config: ['snapshot.trust.empty=true'],
            });
            try {
                const reader = await WireClient.connect({ port: trusting.port });
                assert.equal(ok(await reader.getChildren('/')).length, 21);
                assert.deepEqual(ok(await reader.getChildren('/zookeeper')).sort(), ['config', 'quota']);
                const { data } = ok(await reader.getData('/c-0000000007'));
                assert.equal(Buffer.from(data ?? []).toString(), '7');
                await reader.leave();
            }
            finally {
                await trusting.dispose();
            }
        });
    });
});
