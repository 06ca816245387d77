import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { fourLetterWord } from '../support/four-letter-word.js';
import { delay, startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
import { text } from '../support/wire-records.js';
async function until(met) {
    for (const deadline = Date.now() + 10_000; !(await met()); await delay(10)) {
        assert.ok(Date.now() < deadline, 'it does not happen');
    }
}
/** A test on a server with these lines in its zoo.cfg. */
function limited(name, config, body) {
    test(name, { timeout: 60_000 }, async () => {
        const server = await startMenagerie({ config: ['menagerie.connectionWorkers=2', ...config] });
        const clients = [];
        try {
            await body({
                server,
                async connect(timeoutMs = 30_000) {
                    const client = await WireClient.connect({ port: server.port, timeoutMs });
                    clients.push(client);
                    return client;
                },
                async metric(metricName) {
                    const line = new RegExp(`^zk_${metricName}\t(\\S+)$`, 'm').exec(await fourLetterWord(server.port, 'mntr'));
                    assert.ok(line !== null, `mntr has no ${metricName}`);
                    return Number(line[1]);
                },
            });
            assert.ok(server.isRunning, server.output);
        }
        finally {
            for (const client of clients)
                await client.disconnect();
            await server.dispose();
        }
    });
}
limited('maxCnxns: connections in all, over both workers', ['maxCnxns=6'], async ({ server, connect, metric }) => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect()));
    const last = await connect();
    for (let i = 0; i < 4; i++) {
        const refused = await WireClient.open(server.port);
        await refused.waitForClose();
    }
    await last.disconnect();
    for (const client of clients)
        ok(await client.exists('/'));
    // A connection counts until the server has seen its end: what comes too early is refused, and comes again.
    await until(async () => (await metric('connection_rejected').catch(() => 0)) >= 4);
    assert.match(server.output, /refused: maxCnxns=6 connections in all/);
    await clients[0].leave();
    await until(async () => {
        const client = await connect().catch(() => null);
        return client !== null && ok(await client.exists('/')) !== null;
    });
});
limited('maxClientCnxns: connections from one address', ['maxClientCnxns=3'], async ({ server, connect, metric }) => {
    const clients = [await connect(), await connect()];
    const last = await connect();
    const refused = await WireClient.open(server.port);
    await refused.waitForClose();
    await last.disconnect();
    await until(async () => (await metric('connection_rejected').catch(() => 0)) >= 1);
    for (const client of clients)
        ok(await client.exists('/'));
});
limited('globalOutstandingLimit: long pipelines go on in pieces, in order', ['globalOutstandingLimit=5'], async ({ connect }) => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect()));
    const paths = clients.map((_client, i) => `/o${i}`);
    await Promise.all(clients.map(async (client, i) => ok(await client.create(paths[i]))));
    const all = clients.map((client, i) => client.batch(() => Array.from({ length: 500 }, (_, n) => n % 10 === 9 ? client.exists(paths[i]) : client.setData(paths[i], text('x')))));
    for (const replies of all) {
        const stats = (await Promise.all(replies)).map(ok);
        let version = 0;
        for (const [n, stat] of stats.entries()) {
            if (n % 10 !== 9)
                version++;
            assert.equal(stat.version, version);
        }
    }
});
limited('request_throttle_max_requests: beyond it requests wait, and nobody starves', ['request_throttle_max_requests=2'], async ({ connect, metric }) => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect()));
    ok(await clients[0].create('/throttle'));
    const writes = clients.flatMap((client) => client.batch(() => Array.from({ length: 100 }, () => client.setData('/throttle', text('x')))));
    for (const reply of await Promise.all(writes))
        ok(reply);
    assert.equal(ok(await clients[1].exists('/throttle')).version, 800);
    assert.ok((await metric('request_throttle_wait_count')) > 0);
    assert.equal(await metric('throttled_ops'), 0);
});
limited('throttled_op_wait_time: who waited longer is told so, in its place among the replies', ['request_throttle_max_requests=1', 'throttled_op_wait_time=1'], async ({ connect, metric }) => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect()));
    ok(await clients[0].create('/late'));
    const writes = clients.flatMap((client) => client.batch(() => Array.from({ length: 100 }, () => client.setData('/late', text('x')))));
    const errors = (await Promise.all(writes)).map(({ err }) => err);
    const late = errors.filter((err) => err === ErrorCode.THROTTLEDOP).length;
    assert.ok(late > 0, 'somebody waited longer than a millisecond');
    assert.equal(errors.filter((err) => err === 0).length, 800 - late);
    assert.equal(await metric('throttled_ops'), late);
    const versions = await Promise.all(clients.map(async (client) => ok(await client.exists('/late')).version));
    for (const version of versions)
        assert.equal(version, 800 - late, 'what was throttled was not done');
    for (const client of clients)
        await client.leave();
});
limited('largeRequestMaxBytes: one large request too many closes its connection', ['largeRequestThreshold=1000', 'largeRequestMaxBytes=300000'], async ({ server, connect, metric }) => {
    const client = await connect();
    ok(await client.create('/large'));
    for (let i = 0; i < 10; i++)
        ok(await client.setData('/large', new Uint8Array(200_000)));
    // Half a large request, whose length alone is known, counts already.
    const holder = await connect();
    holder.sendRaw(Buffer.from([0, 3, 0xd0, 0x90, 0, 0, 0, 1]));
    ok(await client.setData('/large', new Uint8Array(500)));
    const refused = await connect();
    await assert.rejects(refused.setData('/large', new Uint8Array(200_000)), /closed|ECONNRESET|EPIPE/);
    assert.equal(await metric('large_requests_rejected'), 1);
    assert.match(server.output, /largeRequestMaxBytes=300000 are exceeded/);
    await holder.disconnect();
    await until(async () => (await metric('num_alive_connections')) === 2);
    ok(await client.setData('/large', new Uint8Array(200_000)));
});
limited('connection_throttle_tokens: a rush of clients is turned away, sessions in place go on', ['connection_throttle_tokens=3', 'connection_throttle_fill_time=600000'], async ({ server, connect, metric }) => {
    const clients = [await connect(), await connect(), await connect()];
    for (let i = 0; i < 3; i++)
        await assert.rejects(connect(), /closed|ECONNRESET/);
    assert.equal(await metric('connection_rejected'), 3);
    assert.equal(await metric('connection_request_count'), 6);
    assert.equal(await metric('max_connection_token_deficit'), 3);
    assert.match(server.output, /connection_throttle_tokens are used up/);
    for (const client of clients)
        ok(await client.exists('/'));
});
limited('nio.sessionlessCnxnTimeout: who asks for no session is closed', ['nio.sessionlessCnxnTimeout=300'], async ({ server, connect, metric }) => {
    const client = await connect(10_000);
    const startedMs = Date.now();
    const silent = await WireClient.open(server.port);
    const half = await WireClient.open(server.port);
    half.sendRaw(Uint8Array.of(0, 0, 0, 45, 0));
    await Promise.all([silent.waitForClose(), half.waitForClose()]);
    assert.ok(Date.now() - startedMs >= 290);
    // The questions that the start asks may be slow to end, too.
    assert.ok((await metric('sessionless_connections_expired')) >= 2);
    ok(await client.exists('/'));
});
limited('jute.maxbuffer: whatever is admitted can be read back from disk', ['jute.maxbuffer=4096', 'jute.maxbuffer.extrasize=1024'], async ({ server, connect }) => {
    const client = await connect();
    const name = 'n'.repeat(180);
    // closeSession lists all of these, which no txn may hold.
    for (let i = 0; i < 60; i++)
        ok(await client.create(`/${name}${i}`, text(''), 1));
    const writer = await connect();
    const paths = [];
    ok(await writer.create('/plain'));
    for (let size = 3000; size < 4030; size += 24) {
        const path = `/d${size}`;
        ok(await writer.create(path, new Uint8Array(size)));
        paths.push(path);
    }
    // The identity of each of sixty users takes the place of the few bytes of "auth".
    const author = await connect();
    for (let i = 0; i < 60; i++)
        ok(await author.auth('digest', text(`user${i}:password`)));
    const errors = [];
    const authAcl = { perms: 31, scheme: 'auth', id: '' };
    for (let entries = 1; entries <= 3; entries++) {
        const reply = await author.create(`/a${entries}`, new Uint8Array(1000 * entries), 0, [authAcl]);
        errors.push(reply.err);
        if (reply.err === 0)
            paths.push(`/a${entries}`);
    }
    const tooLarge = ErrorCode.MARSHALLINGERROR;
    assert.deepEqual(errors, [0, tooLarge, tooLarge]);
    // A multi whose txn takes more than its request: each op of it names the users.
    const operations = Array.from({ length: 3 }, (_, i) => ({
        type: 'create',
        path: `/m${i}`,
        data: text('x'),
        acl: [authAcl],
        flags: 0,
    }));
    const multi = await author.multi(operations);
    assert.equal(multi.err, ErrorCode.MARSHALLINGERROR);
    assert.equal((await author.exists('/m0')).err, ErrorCode.NONODE);
    // Ten digits more than the client wrote.
    const sequential = [];
    for (let i = 0; i < 20; i++)
        sequential.push(ok(await writer.create('/s-', new Uint8Array(3900), 2)) ?? '');
    const session = { sessionId: client.session.sessionId, password: client.session.password };
    await client.closeSession();
    await client.waitForClose();
    await server.kill9();
    await server.start();
    const after = await connect();
    const left = ok(await after.getChildren('/'));
    assert.deepEqual(left.sort(), [...paths, ...sequential, '/plain', '/zookeeper'].map((path) => path.slice(1)).sort(), "all of the session's ephemerals are gone, everything else is there");
    const again = await WireClient.open(server.port);
    await again.establish(session);
    assert.equal(again.hasSession, false);
    await again.disconnect();
});
