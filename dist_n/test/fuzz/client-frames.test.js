import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { delay, startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
import { fuzzDecoders, fuzzServer } from './client-frames.js';
// The long form: node dist/test/fuzz/client-frames.js --help
test('harmed frames for the decoders', (t) => {
    t.diagnostic(`seed ${fuzzDecoders({ inputs: 10_000 }).seed}`);
});
test('harmed frames for a server', { timeout: 120_000 }, async (t) => {
    t.diagnostic(JSON.stringify(await fuzzServer({ inputs: 20_000 })));
});
test('10,000 quick connects, and half-open connections', { timeout: 120_000 }, async (t) => {
    const server = await startMenagerie({ config: ['nio.sessionlessCnxnTimeout=2000'] });
    try {
        const healthy = await WireClient.connect({ port: server.port });
        const halfOpen = await Promise.all(Array.from({ length: 100 }, () => WireClient.open(server.port)));
        for (const client of halfOpen)
            client.sendRaw(Uint8Array.of(0, 0, 0));
        let slowestMs = 0;
        for (let round = 0; round < 100; round++) {
            await Promise.all(Array.from({ length: 100 }, (_, i) => comeAndGo(server.port, i % 2 === 0)));
            const startedMs = performance.now();
            ok(await healthy.exists('/'));
            slowestMs = Math.max(slowestMs, performance.now() - startedMs);
        }
        t.diagnostic(`a read beside them took ${Math.round(slowestMs)} ms at most`);
        await Promise.all(halfOpen.map((client) => client.waitForClose()));
        assert.ok(server.isRunning, server.output);
        ok(await healthy.create('/after'));
        await healthy.leave();
    }
    finally {
        await server.dispose();
    }
});
/** Connects and goes away at once, politely or by a reset. */
async function comeAndGo(port, politely) {
    await new Promise((resolve) => {
        const socket = connect({ port, host: '127.0.0.1' }, () => {
            if (politely)
                socket.end();
            else
                socket.resetAndDestroy();
        });
        socket.resume();
        socket.on('error', () => { });
        socket.on('close', () => resolve());
    });
    await delay(0);
}
