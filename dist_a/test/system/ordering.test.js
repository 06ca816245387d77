import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { conformance } from '../support/conformance.js';
import { random } from '../support/random.js';
import { ok } from '../support/wire-connection.js';
import { encode, Flag, text } from '../support/wire-records.js';
/**
 * A client's own few nodes, as they must look after everything that it has sent so far. Each step sends one request
 * at once and gives the check of its reply against what the node was at that moment: never older, never later.
 */
class OwnNodes {
    #client;
    #base;
    /** Data and version by name. */
    #nodes = new Map();
    #creates = 0;
    #writes = 0;
    constructor(client, base) {
        this.#client = client;
        this.#base = base;
    }
    /** Sends one request drawn from `draw`. */
    step(draw) {
        const name = `n${draw.below(6)}`;
        switch (draw.below(9)) {
            case 0:
            case 1:
                return this.#setData(name);
            case 2:
                return this.#create(name);
            case 3:
                return draw.below(4) === 0 ? this.#delete(name) : this.#setData(name);
            case 4:
                return this.#children();
            case 5:
                return this.#sequential();
            case 6:
                return this.#exists(name);
            default:
                return this.#getData(name);
        }
    }
    #create(name) {
        const isThere = this.#nodes.has(name);
        const data = `w${this.#writes++}`;
        const reply = this.#client.create(`${this.#base}/${name}`, text(data));
        if (!isThere) {
            this.#nodes.set(name, { data, version: 0 });
            this.#creates += 1;
        }
        return async () => assert.equal((await reply).err, isThere ? ErrorCode.NODEEXISTS : 0);
    }
    #setData(name) {
        const node = this.#nodes.get(name);
        const data = `w${this.#writes++}`;
        const reply = this.#client.setData(`${this.#base}/${name}`, text(data), node?.version ?? -1);
        if (node === undefined)
            return async () => assert.equal((await reply).err, ErrorCode.NONODE);
        node.data = data;
        node.version += 1;
        const { version } = node;
        return async () => assert.equal(ok(await reply).version, version);
    }
    #delete(name) {
        const isThere = this.#nodes.delete(name);
        const reply = this.#client.delete(`${this.#base}/${name}`);
        return async () => assert.equal((await reply).err, isThere ? 0 : ErrorCode.NONODE);
    }
    #sequential() {
        const name = `s${String(this.#creates++).padStart(10, '0')}`;
        this.#nodes.set(name, { data: 's', version: 0 });
        const reply = this.#client.create(`${this.#base}/s`, text('s'), Flag.ephemeralSequential);
        return async () => assert.equal(ok(await reply), `${this.#base}/${name}`);
    }
    #getData(name) {
        const expected = this.#nodes.get(name);
        const { data, version } = expected ?? { data: '', version: 0 };
        const reply = this.#client.getData(`${this.#base}/${name}`);
        if (expected === undefined)
            return async () => assert.equal((await reply).err, ErrorCode.NONODE);
        return async () => {
            const read = ok(await reply);
            assert.deepEqual([Buffer.from(read.data).toString(), read.stat.version], [data, version]);
        };
    }
    #exists(name) {
        const version = this.#nodes.get(name)?.version;
        const reply = this.#client.exists(`${this.#base}/${name}`);
        if (version === undefined)
            return async () => assert.equal((await reply).err, ErrorCode.NONODE);
        return async () => assert.equal(ok(await reply).version, version);
    }
    #children() {
        const names = [...this.#nodes.keys()].sort();
        const creates = this.#creates;
        const reply = this.#client.getChildren2(this.#base);
        return async () => {
            const { children, stat } = ok(await reply);
            assert.deepEqual(children.sort(), names);
            assert.deepEqual([stat.numChildren, stat.cversion], [names.length, creates * 2 - names.length]);
        };
    }
}
function zxidsNeverGoBack(client) {
    let last = 0n;
    for (const event of client.log) {
        if (event.kind !== 'reply')
            continue;
        assert.ok(event.zxid >= last, `zxid ${event.zxid} after ${last}`);
        last = event.zxid;
    }
}
conformance('ordering', {}, (subject) => {
    for (const { clients, requests, burst } of [
        { clients: 1, requests: 3000, burst: 3000 },
        { clients: 1, requests: 3000, burst: 16 },
        { clients: 4, requests: 1500, burst: 100 },
    ]) {
        test(`${clients} clients, ${requests} requests each in bursts of ${burst}: each reads its own writes`, async (t) => {
            const draw = random();
            t.diagnostic(`seed ${draw.seed}`);
            await Promise.all(Array.from({ length: clients }, async () => {
                const client = await subject.connect();
                const base = subject.freshPath();
                const created = client.create(base);
                const nodes = new OwnNodes(client, base);
                for (let sent = 0; sent < requests; sent += burst) {
                    const steps = client.batch(() => Array.from({ length: burst }, () => nodes.step(draw)));
                    await Promise.all(steps.map((check) => check()));
                }
                ok(await created);
                zxidsNeverGoBack(client);
            }));
        });
    }
    test('frames cut and joined at random places', async (t) => {
        const draw = random();
        t.diagnostic(`seed ${draw.seed}`);
        const client = await subject.connect();
        const base = subject.freshPath();
        ok(await client.create(base));
        const bytes = Buffer.concat(Array.from({ length: 200 }, (_, i) => {
            const frame = encode((writer) => {
                writer.writeInt(1000 + i);
                writer.writeInt(5);
                writer.writeString(base);
                writer.writeBuffer(text(`value ${i}`));
                writer.writeInt(i);
            });
            return encode((writer) => writer.writeBuffer(frame));
        }));
        const replies = Array.from({ length: 200 }, (_, i) => client.expectReply(1000 + i));
        for (let at = 0; at < bytes.length;) {
            const end = Math.min(bytes.length, at + 1 + draw.below(90));
            client.sendRaw(bytes.subarray(at, end));
            if (draw.below(3) === 0)
                await new Promise((resolve) => setImmediate(resolve));
            at = end;
        }
        for (const { err } of await Promise.all(replies))
            assert.equal(err, 0);
        assert.equal(ok(await client.getData(base)).stat.version, 200);
    });
    test('what one client was told, another sees after a sync', async () => {
        const [writer, reader] = [await subject.connect(), await subject.connect()];
        const path = subject.freshPath();
        ok(await writer.create(path));
        for (let i = 1; i <= 100; i++) {
            ok(await writer.setData(path, text(String(i))));
            const [, read] = reader.batch(() => [reader.sync(path), reader.getData(path)]);
            const { stat } = ok(await read);
            assert.equal(stat.version, i);
        }
    });
    test('three clients add to one counter by version: no addition is lost, none is made twice', async () => {
        const path = subject.freshPath();
        const clients = await Promise.all([subject.connect(), subject.connect(), subject.connect()]);
        ok(await clients[0].create(path, text('0')));
        await Promise.all(clients.map(async (client) => {
            for (let done = 0; done < 40;) {
                const { data, stat } = ok(await client.getData(path));
                const next = Number(Buffer.from(data).toString()) + 1;
                const { err } = await client.setData(path, text(String(next)), stat.version);
                if (err === 0)
                    done += 1;
                else
                    assert.equal(err, ErrorCode.BADVERSION);
            }
        }));
        const { data, stat } = ok(await clients[0].getData(path));
        assert.equal(Buffer.from(data).toString(), '120');
        assert.equal(stat.version, 120);
    });
    test('a reader of a node that another writes never goes back, and each event precedes what it announces', async () => {
        const [writer, reader] = [await subject.connect(), await subject.connect()];
        const path = subject.freshPath();
        ok(await writer.create(path));
        const writes = writer.batch(() => Array.from({ length: 2000 }, () => writer.setData(path, text('x'))));
        /** Version and watch flag of each read, by xid. */
        const reads = new Map();
        let watchesSet = 0;
        for (let version = 0; version < 2000;) {
            const isWatching = reader.notifications.length === watchesSet;
            if (isWatching)
                watchesSet += 1;
            const reply = await reader.getData(path, isWatching);
            assert.ok(ok(reply).stat.version >= version, 'versions never go back');
            version = ok(reply).stat.version;
            reads.set(reply.xid, { version, isWatching });
        }
        await Promise.all(writes);
        zxidsNeverGoBack(reader);
        let watchedVersion = null;
        for (const event of reader.log) {
            if (event.kind === 'notification') {
                assert.notEqual(watchedVersion, null, 'an event without a watch');
                watchedVersion = null;
                continue;
            }
            const { version, isWatching } = reads.get(event.xid);
            if (isWatching)
                watchedVersion = version;
            else if (watchedVersion !== null)
                assert.equal(version, watchedVersion, 'a new version before its event');
        }
    });
});
