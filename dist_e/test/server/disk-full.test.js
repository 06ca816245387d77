// A real server on a small file system of its own (tmpfs): skipped where mounting is not permitted.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { fourLetterWord } from '../support/four-letter-word.js';
import { delay, ServerProcess } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
import { Flag } from '../support/wire-records.js';
const MB = 1 << 20;
const SIZE_MB = 96;
const RESERVE_MB = 32;
/** A server, not yet started, whose data is on a file system of its own; null where none can be mounted. */
async function onSmallDisk(context, config) {
    const disk = mkdtempSync(join(tmpdir(), 'menagerie-disk-'));
    const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'tmpfs', disk]).status === 0;
    const server = await ServerProcess.prepare('menagerie', {
        dataDir: join(disk, 'data'),
        config: [`menagerie.diskReserveMb=${RESERVE_MB}`, 'preAllocSize=1024', ...config],
    });
    context.after(async () => {
        await server.dispose();
        if (isMounted)
            spawnSync('umount', ['-l', disk]);
        rmSync(disk, { recursive: true, force: true });
    });
    if (isMounted)
        return { disk, server };
    context.skip('mounting a tmpfs is not permitted here');
    return null;
}
function freeBytes(directory) {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
}
async function metric(server, name) {
    const text = await fourLetterWord(server.port, 'mntr');
    return Number(new RegExp(`^zk_${name}\t(\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}
async function until(what, holds) {
    const deadline = Date.now() + 20_000;
    while (!(await holds())) {
        assert.ok(Date.now() < deadline, `never: ${what}`);
        await delay(20);
    }
}
test('a disk that fills up: refused in time, the rest goes on, and it comes back', async (context) => {
    const small = await onSmallDisk(context, ['tickTime=200']);
    if (small === null)
        return;
    const { disk, server } = small;
    await server.start();
    const ballast = join(disk, 'ballast');
    const client = await WireClient.connect({ port: server.port, timeoutMs: 4000 });
    const mortal = await WireClient.connect({ port: server.port, timeoutMs: 4000 });
    const quick = await WireClient.connect({ port: server.port, timeoutMs: 400 });
    ok(await client.create('/a', Buffer.from('before')));
    ok(await client.create('/gone'));
    ok(await mortal.create('/closed-with-session', Buffer.alloc(0), Flag.ephemeral));
    ok(await quick.create('/expired-with-session', Buffer.alloc(0), Flag.ephemeral));
    // Up to the warning, then beyond.
    const fillTo = (leftMb) => writeFileSync(ballast, Buffer.alloc(Math.max(0, freeBytes(disk) - leftMb * MB)), { flag: 'a' });
    fillTo(RESERVE_MB + 10);
    await until('a warning', () => /WARN.*MiB free: below 32 MiB .*writes will be refused/.test(server.output));
    ok(await client.setData('/a', Buffer.from('still taken')));
    fillTo(RESERVE_MB - 2);
    await until('refusal', async () => (await metric(server, 'disk_refuses_writes')) === 1);
    assert.match(server.output, /ERROR.*less than 32 MiB .*writes are refused with QUOTAEXCEEDED/);
    for (const reply of [
        await client.create('/b'),
        await client.setData('/a', Buffer.from('refused')),
        await client.setACL('/a', [{ perms: 31, scheme: 'world', id: 'anyone' }]),
        await client.multi([{ type: 'delete', path: '/gone' }]),
    ]) {
        assert.equal(reply.err, ErrorCode.QUOTAEXCEEDED);
    }
    assert.equal(Buffer.from(ok(await client.getData('/a')).data ?? []).toString(), 'still taken');
    assert.equal((await client.ping()).err, ErrorCode.OK);
    ok(await client.sync('/a'));
    ok(await client.delete('/gone'));
    ok(await mortal.closeSession());
    await quick.disconnect();
    await until('closed', async () => (await client.exists('/closed-with-session')).err === ErrorCode.NONODE);
    await until('expired', async () => (await client.exists('/expired-with-session')).err === ErrorCode.NONODE);
    const late = await WireClient.connect({ port: server.port, timeoutMs: 4000 });
    ok(await late.getChildren('/'));
    // Whoever goes on trying uses up nothing, and gets replies in order.
    const freeBefore = freeBytes(disk);
    const replies = await Promise.all(Array.from({ length: 5000 }, (_, i) => i % 5 === 0 ? client.exists('/a') : client.setData('/a', Buffer.alloc(1000))));
    assert.ok(replies.every(({ err }, i) => err === (i % 5 === 0 ? ErrorCode.OK : ErrorCode.QUOTAEXCEEDED)));
    assert.ok(freeBefore - freeBytes(disk) < 4096 * 4, `${freeBefore - freeBytes(disk)} bytes used up`);
    truncateSync(ballast, 0);
    await until('service', async () => (await client.setData('/a', Buffer.from('after'))).err === ErrorCode.OK);
    assert.match(server.output, /WARN.*: writes are taken again/);
    assert.equal(await metric(server, 'disk_refuses_writes'), 0);
    await client.leave();
    await late.leave();
    assert.equal((await server.stop()).code, 0);
});
test('what is not needed any more is purged when space becomes short', async (context) => {
    const small = await onSmallDisk(context, ['snapCount=60', 'menagerie.diskReserveMb=16']);
    if (small === null)
        return;
    const { server } = small;
    await server.start();
    const client = await WireClient.connect({ port: server.port, timeoutMs: 10_000 });
    ok(await client.create('/a'));
    // Two and a half times what the disk holds.
    const value = Buffer.alloc(50_000);
    for (let round = 0; round < 240; round++) {
        const replies = await Promise.all(Array.from({ length: 20 }, () => client.setData('/a', value)));
        if (replies.every(({ err }) => err === ErrorCode.OK))
            continue;
        await until('service', async () => (await client.setData('/a', value)).err === ErrorCode.OK);
    }
    assert.match(server.output, /purge: removed \d+ snapshots and \d+ logs/);
    await client.leave();
    await server.stop();
});
test('writers at full speed never fill the disk', async (context) => {
    const small = await onSmallDisk(context, ['snapCount=200', 'autopurge.purgeInterval=0']);
    if (small === null)
        return;
    const { disk, server } = small;
    await server.start();
    const client = await WireClient.connect({ port: server.port, timeoutMs: 10_000 });
    ok(await client.create('/a'));
    let refused = 0;
    for (let round = 0; round < 400 && refused === 0; round++) {
        const replies = await Promise.all(Array.from({ length: 20 }, () => client.setData('/a', Buffer.alloc(50_000))));
        refused = replies.filter(({ err }) => err === ErrorCode.QUOTAEXCEEDED).length;
    }
    assert.ok(refused > 0);
    assert.ok(freeBytes(disk) > (RESERVE_MB / 2) * MB, `${freeBytes(disk)} bytes left`);
    ok(await client.delete('/a'));
    await client.leave();
    await server.kill9();
    // It starts on what it wrote, and refuses from the beginning.
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(freeBytes(disk) - (RESERVE_MB / 2) * MB));
    await server.start();
    const again = await WireClient.connect({ port: server.port, timeoutMs: 10_000 });
    assert.equal((await again.create('/b')).err, ErrorCode.QUOTAEXCEEDED);
    assert.equal((await again.exists('/a')).err, ErrorCode.NONODE);
    await again.leave();
    await server.stop();
    const files = readdirSync(join(server.dataDir, 'version-2'));
    assert.deepEqual(files.filter((name) => name.startsWith('incomplete-')), []);
});
