import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
import { text } from '../support/wire-records.js';
const SYNCS = 25;
/** Writes until the connection breaks; gives how many were sent and how many acknowledged, in order. */
async function writeUntilBroken(client, depth) {
    let [sent, acknowledged] = [0, 0];
    const writer = async () => {
        for (;;) {
            sent += 1;
            const version = ok(await client.setData('/fault', text(String(sent)))).version;
            assert.equal(version, ++acknowledged);
        }
    };
    const writers = await Promise.allSettled(Array.from({ length: depth }, writer));
    for (const result of writers) {
        if (result.status === 'rejected')
            assert.match(String(result.reason), /connection closed|ECONNRESET|EPIPE/);
    }
    return { sent, acknowledged };
}
for (const { fault, depth } of [
    { fault: `fdatasync:${SYNCS}:EIO`, depth: 1 },
    { fault: `fdatasync:${SYNCS}:EIO`, depth: 16 },
    { fault: `write:${SYNCS}:ENOSPC`, depth: 1 },
    { fault: `write:${SYNCS}:EIO`, depth: 16 },
]) {
    test(`${fault} with ${depth} writes in flight: the process says why and ends`, {
        timeout: 120_000,
    }, async () => {
        const code = fault.slice(fault.lastIndexOf(':') + 1);
        const server = await startMenagerie({ env: { MENAGERIE_TEST_FAULT: fault } });
        try {
            const client = await WireClient.connect({ port: server.port });
            ok(await client.create('/fault'));
            const { sent, acknowledged } = await writeUntilBroken(client, depth);
            const exit = await server.exit;
            assert.ok(exit.code !== null && exit.code !== 0, `ended by code ${exit.code}, signal ${exit.signal}`);
            assert.match(server.output, new RegExp(code), 'the error is named');
            assert.match(server.output, /log\.[0-9a-f]+/, 'the file is named');
            assert.ok(sent > acknowledged, 'the last writes were not acknowledged');
            // One in flight: each needs a sync of its own, as the session and the create did.
            if (depth === 1)
                assert.ok(acknowledged < SYNCS - 2, `${acknowledged} writes acknowledged by ${SYNCS - 1} syncs`);
            // The fault is in the environment of the first start only.
            await server.start({ MENAGERIE_TEST_FAULT: '' });
            const { sessionId, password } = client.session;
            const back = await WireClient.connect({ port: server.port, sessionId, password });
            const { data, stat } = ok(await back.getData('/fault'));
            assert.ok(stat.version >= acknowledged && stat.version <= sent, `version ${stat.version} of ${acknowledged}`);
            if (depth === 1 && stat.version > 0)
                assert.equal(Buffer.from(data).toString(), String(stat.version));
            ok(await back.setData('/fault', text('on')));
            await back.leave();
        }
        finally {
            await server.dispose();
        }
    });
}
