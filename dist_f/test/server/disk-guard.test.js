import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiskGuard } from '../../src/server/disk-guard.js';
const MB = 1 << 20;
/** A guard over a disk of `sizeMb` whose free space the test sets. */
function watch(context, sizeMb, options = {}) {
    const directory = mkdtempSync(join(tmpdir(), 'menagerie-guard-'));
    context.after(() => rmSync(directory, { recursive: true, force: true }));
    const lines = [];
    const changes = [];
    const shorts = [];
    let free = sizeMb;
    const line = (level) => (message) => void lines.push(`${level} ${message}`);
    const guard = new DiskGuard({
        logDirectory: directory,
        snapshotDirectory: directory,
        reserveBytes: null,
        logger: { info: line('info'), warn: line('warn'), error: line('error') },
        onChange: (refuses) => changes.push(refuses),
        onShort: () => shorts.push(free),
        readSpace: () => Promise.resolve({ bsize: 4096, bavail: (free * MB) / 4096, blocks: (sizeMb * MB) / 4096 }),
        ...options,
    });
    const set = (freeMb) => {
        free = freeMb;
        return guard.look();
    };
    return { guard, lines, changes, shorts, set };
}
test('warns before it refuses, refuses, and takes writes again without being told', async (context) => {
    const { guard, lines, changes, shorts, set } = watch(context, 100_000);
    await set(600);
    assert.deepEqual(lines, []);
    await set(500);
    assert.match(lines[0], /^warn .*: 500 MiB free: below 256 MiB \(menagerie\.diskReserveMb\) writes will be refused; /);
    assert.equal(guard.refusesWrites, false);
    await set(255);
    assert.match(lines[1], /^error .*: 255 MiB free, less than 256 MiB .*writes are refused with QUOTAEXCEEDED; reads/);
    assert.equal(guard.refusesWrites, true);
    await set(300);
    assert.equal(guard.refusesWrites, true, 'not by a hair');
    await set(321);
    assert.match(lines[2], /^warn .*: 321 MiB free: writes are taken again/);
    assert.deepEqual(changes, [true, false]);
    await set(630);
    assert.equal(lines.length, 3);
    await set(700);
    assert.match(lines[3], /^info .*: 700 MiB free: enough again/);
    await set(10);
    assert.deepEqual(changes, [true, false, true]);
    assert.equal(lines.length, 5);
    assert.deepEqual(shorts, [500, 255, 10]);
});
test('the reserve is 256 MiB, a tenth of a small disk, or what was configured; 0 switches it off', async (context) => {
    const reserveOf = async (sizeMb, reserveBytes) => {
        const { guard, set } = watch(context, sizeMb, { reserveBytes });
        await set(sizeMb);
        return Number(guard.metrics().find((metric) => metric.name === 'disk_reserve_bytes')?.value);
    };
    assert.equal(await reserveOf(100_000, null), 256 * MB);
    assert.equal(await reserveOf(1000, null), 100 * MB);
    assert.equal(await reserveOf(1000, 700 * MB), 700 * MB);
    const off = watch(context, 1000, { reserveBytes: 0 });
    await off.guard.start();
    assert.deepEqual(off.guard.metrics(), []);
    assert.equal(off.guard.hasRoomForSnapshot(2 ** 50), true);
});
test('a snapshot must fit beside the reserve; the first that does not is said', async (context) => {
    const { guard, lines, set } = watch(context, 100_000);
    await set(1000);
    assert.equal(guard.hasRoomForSnapshot(700 * MB), true);
    assert.equal(guard.hasRoomForSnapshot(800 * MB), false);
    assert.equal(guard.hasRoomForSnapshot(800 * MB), false);
    assert.equal(lines.length, 1);
    assert.match(lines[0], /^warn .*: 1000 MiB free, too little for a snapshot of about 800 MiB: none is taken/);
});
test('mntr shows what is free', async (context) => {
    const { guard, set } = watch(context, 1000);
    await set(50);
    assert.deepEqual(guard.metrics(), [
        { name: 'disk_log_free_bytes', value: 50 * MB, kind: 'integer' },
        { name: 'disk_snapshot_free_bytes', value: 50 * MB, kind: 'integer' },
        { name: 'disk_reserve_bytes', value: 100 * MB, kind: 'integer' },
        { name: 'disk_refuses_writes', value: 1, kind: 'integer' },
    ]);
});
test('looks by itself, and no longer once it is stopped', async (context) => {
    let looks = 0;
    let seen;
    const { guard } = watch(context, 1000, {
        readSpace: () => {
            looks++;
            if (looks === 3)
                seen?.();
            return Promise.resolve({ bsize: 1, bavail: 0, blocks: 1000 });
        },
    });
    const thirdLook = new Promise((resolve) => {
        seen = resolve;
    });
    // The guard's timer does not keep a process alive.
    const alive = setInterval(() => { }, 1000);
    await guard.start();
    assert.equal(guard.refusesWrites, true);
    await thirdLook;
    guard.stop();
    clearInterval(alive);
});
test('a file system that does not answer changes nothing and is said once', async (context) => {
    let fails = false;
    const { guard, lines } = watch(context, 1000, {
        readSpace: () => fails
            ? Promise.reject(new Error('EIO: statfs'))
            : Promise.resolve({ bsize: MB, bavail: 10, blocks: 1000 }),
    });
    await guard.look();
    assert.equal(guard.refusesWrites, true);
    fails = true;
    await guard.look();
    await guard.look();
    assert.equal(guard.refusesWrites, true);
    assert.equal(lines.filter((line) => line.includes('cannot be told: EIO')).length, 1);
});
