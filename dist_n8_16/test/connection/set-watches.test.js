import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SetWatches } from '../../src/connection/set-watches.js';
import { WatchTable } from '../../src/connection/watch-table.js';
import { JuteError, JuteReader } from '../../src/jute/reader.js';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { addZnode, newTree } from '../storage/support.js';
import { fakeConnection } from './fake-connection.js';
function body(seen, lists) {
    const writer = new GrowingJuteWriter();
    writer.writeLong(seen);
    for (const paths of lists) {
        writer.writeInt(paths?.length ?? -1);
        for (const path of paths ?? [])
            writer.writeString(path);
    }
    return writer.written().slice();
}
/** A tree with /old (all zxids 5), /set (mzxid 20) and /parent (pzxid 30). */
function carryOut(request) {
    const tree = newTree(1 << 20);
    for (const path of ['/old', '/set', '/parent'])
        addZnode(tree, path, null, null, 5);
    tree.setMzxid(tree.find(Buffer.from('/set'), 0, 4), 0, 20);
    tree.setPzxid(tree.find(Buffer.from('/parent'), 0, 7), 0, 30);
    const data = new WatchTable((connection) => connection.dataWatches, () => { });
    const child = new WatchTable((connection) => connection.childWatches, () => { });
    const events = [];
    const setWatches = new SetWatches(tree, data, child, (_connection, type, path, start, length) => {
        events.push(`${type} ${Buffer.from(path.subarray(start, start + length))}`);
    });
    const { connection } = fakeConnection();
    const bytes = Buffer.concat([Buffer.from('....'), request, Buffer.from('..')]);
    const reader = new JuteReader(bytes);
    reader.reset(bytes, 4, bytes.length - 2);
    let error = null;
    try {
        setWatches.carryOut(connection, reader, 3);
    }
    catch (thrown) {
        error = thrown;
    }
    const names = (entries) => [...entries].map(({ path }) => Buffer.from(path).toString()).sort();
    return { events, data: names(connection.dataWatches), child: names(connection.childWatches), error };
}
describe('SetWatches', () => {
    it('fires data watches on what changed or went, and registers the rest', () => {
        const { events, data, child } = carryOut(body(10n, [['/old', '/set', '/none', '/parent'], [], []]));
        assert.deepEqual(events, ['3 /set', '2 /none']);
        assert.deepEqual(data, ['/old', '/parent']);
        assert.deepEqual(child, []);
    });
    it('fires existence watches on what is there now, and registers the rest as data watches', () => {
        const { events, data } = carryOut(body(10n, [[], ['/old', '/none'], []]));
        assert.deepEqual(events, ['1 /old']);
        assert.deepEqual(data, ['/none']);
    });
    it('fires child watches on changed lists of children, and registers the rest', () => {
        const { events, data, child } = carryOut(body(10n, [[], [], ['/old', '/set', '/parent', '/none']]));
        assert.deepEqual(events, ['4 /parent', '2 /none']);
        assert.deepEqual(child, ['/old', '/set']);
        assert.deepEqual(data, []);
    });
    it('compares with what the client has seen, that zxid included', () => {
        assert.deepEqual(carryOut(body(20n, [['/set'], [], ['/parent']])).events, ['4 /parent']);
        assert.deepEqual(carryOut(body(19n, [['/set'], [], []])).events, ['3 /set']);
        assert.deepEqual(carryOut(body(30n, [[], [], ['/parent']])).events, []);
        // Across the low word's sign, and in another epoch.
        assert.deepEqual(carryOut(body(0xfffffff0n, [['/set'], [], ['/parent']])).events, []);
        assert.deepEqual(carryOut(body(-1n, [['/set'], [], []])).events, ['3 /set']);
    });
    it('takes the lists in order, and null ones as empty', () => {
        const { events } = carryOut(body(10n, [['/none'], ['/old'], ['/parent']]));
        assert.deepEqual(events, ['2 /none', '1 /old', '4 /parent']);
        assert.deepEqual(carryOut(body(10n, [null, null, null])).error, null);
        assert.deepEqual(carryOut(body(10n, [[null, ''], [null], ['']])).events, []);
    });
    it('does nothing at all when it is cut short, wherever that is', () => {
        const whole = body(10n, [['/set', '/old'], ['/none'], ['/parent', '/old']]);
        for (let end = 0; end < whole.length; end++) {
            const { events, data, child, error } = carryOut(whole.slice(0, end));
            assert.ok(error instanceof JuteError, `cut at ${end}`);
            assert.deepEqual([events, data, child], [[], [], []], `cut at ${end}`);
        }
    });
});
