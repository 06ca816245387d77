import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, describe, it, mock } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { OpCode, Xid } from '../../src/protocol/opcode.js';
import { RequestKind } from '../../src/ring/record-kind.js';
import { addZnode } from '../storage/support.js';
import { delay } from '../support/server-process.js';
import { encode } from '../support/wire-records.js';
import { FakeMain } from './fake-main.js';
import { settle, until } from './until.js';
let main = null;
async function start(options = {}) {
    main = await FakeMain.start(options);
    return main;
}
afterEach(async () => {
    mock.restoreAll();
    await main?.stop();
    main = null;
});
/** Hides what the fast way of accepting sockets leans on, as a later Node may. */
function withoutInternals() {
    const get = Reflect.get;
    mock.method(Reflect, 'get', (target, key) => {
        const value = get(target, key);
        return key === '_handle' && typeof value === 'object' && value !== null ? { fd: 77 } : value;
    });
}
function frame(payload) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(payload.length);
    return Buffer.concat([length, payload]);
}
function request(xid, opcode, path) {
    return frame(encode((writer) => {
        writer.writeInt(xid);
        writer.writeInt(opcode);
        if (path === undefined)
            return;
        writer.writeString(path);
        writer.writeBoolean(false);
    }));
}
const CONNECT = frame(encode((writer) => {
    writer.writeInt(0);
    writer.writeLong(0n);
    writer.writeInt(5000);
    writer.writeLong(0n);
    writer.writeBuffer(new Uint8Array(16));
    writer.writeBoolean(false);
}));
/** Sends pieces, each when the worker has taken the one before; gives all that comes back, `replyBytes` long. */
async function exchange(worker, pieces, replyBytes) {
    const socket = connect({ port: worker.port, host: '127.0.0.1', noDelay: true });
    const chunks = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    let expected = worker.worker.counters.bytesReceived;
    for (const piece of pieces) {
        socket.write(piece);
        expected += piece.length;
        await until(() => worker.worker.counters.bytesReceived >= expected, 'the worker reads');
    }
    await until(() => Buffer.concat(chunks).length >= replyBytes, `${replyBytes} bytes of replies`);
    socket.destroy();
    return Buffer.concat(chunks);
}
describe('input of a connection', { timeout: 120_000 }, () => {
    for (const way of ['onread', 'data events']) {
        it(`may be cut anywhere (${way})`, async () => {
            if (way !== 'onread')
                withoutInternals();
            const worker = await start();
            const [listening] = worker.messages;
            assert.equal(listening.kind === 'listening' && listening.usesOnRead, way === 'onread');
            addZnode(worker.database.tree, '/a', Buffer.from('the data'));
            const stream = Buffer.concat([
                CONNECT,
                request(1, OpCode.getData, '/a'),
                request(Xid.ping, OpCode.ping),
                request(2, OpCode.exists, '/none'),
                request(3, OpCode.getChildren2, '/'),
            ]);
            const whole = await exchange(worker, [stream], 200);
            const withoutSession = (replies) => replies.subarray(41).toString('hex');
            const { length } = whole;
            assert.ok(length > 41 + 20 + 80 + 20 + 20);
            for (let cut = 1; cut < stream.length; cut++) {
                const pieces = [stream.subarray(0, cut), stream.subarray(cut)];
                assert.equal(withoutSession(await exchange(worker, pieces, length)), withoutSession(whole), `cut at ${cut}`);
            }
            const single = [...stream].map((_, i) => stream.subarray(i, i + 1));
            assert.equal(withoutSession(await exchange(worker, single, length)), withoutSession(whole));
            assert.deepEqual(worker.complaints, []);
        });
    }
    it('may hold a frame of the largest size, and refuses one byte more', async () => {
        const worker = await start({ worker: { frameBytesMax: 200_000, inputBytesMax: 200_004 } });
        const client = await worker.connect();
        const large = client.setData('/a', Buffer.alloc(200_000 - 8 - 4 - 2 - 4 - 4, 7));
        const forwarded = await worker.request(1);
        assert.equal(forwarded.payload.length, 200_000 - 8);
        worker.answer(forwarded, ErrorCode.NONODE);
        assert.equal((await large).err, ErrorCode.NONODE);
        client.sendRaw(Buffer.from([0, 3, 13, 0x41]));
        await client.waitForClose();
        assert.deepEqual(worker.complaints.map(({ kind }) => kind), ['bad frame']);
    });
    it('is not read beyond its limit while the connection must wait, and nothing is lost', async () => {
        const worker = await start({ worker: { frameBytesMax: 50_000, inputBytesMax: 60_000 } });
        const client = await worker.connect();
        const write = client.delete('/a');
        const reads = Array.from({ length: 40_000 }, () => client.exists('/none'));
        const first = await worker.request(1);
        await until(() => worker.worker.counters.bytesReceived > 60_000, 'input');
        await settle();
        assert.ok(worker.worker.counters.bytesReceived < 60_000 + 3 * 65_536, `${worker.worker.counters.bytesReceived}`);
        worker.answer(first);
        assert.equal((await write).err, 0);
        for (const reply of await Promise.all(reads))
            assert.equal(reply.err, ErrorCode.NONODE);
    });
});
describe('the order of one session', { timeout: 60_000 }, () => {
    it('lets a read wait for the writes before it, and no write overtake a read that waits', async () => {
        const worker = await start();
        const client = await worker.connect();
        const replies = [];
        client.batch(() => {
            void client.delete('/w1').then(() => replies.push('w1'));
            void client.delete('/w2').then(() => replies.push('w2'));
            void client.exists('/r1').then(() => replies.push('r1'));
            void client.delete('/w3').then(() => replies.push('w3'));
            void client.ping().then(() => replies.push('ping'));
        });
        const first = await worker.request(1);
        const second = await worker.request(2);
        await settle();
        // The third write stands behind the read.
        assert.equal(worker.requests.length, 2);
        worker.answer(first);
        await until(() => replies.length === 1, 'the first reply');
        await settle();
        assert.equal(worker.requests.length, 2);
        worker.answer(second);
        const third = await worker.request(3);
        await until(() => replies.length === 3, 'the read');
        await settle();
        assert.deepEqual(replies, ['w1', 'w2', 'r1']);
        worker.answer(third);
        await until(() => replies.length === 5, 'the ping');
        assert.deepEqual(replies, ['w1', 'w2', 'r1', 'w3', 'ping']);
    });
    it('shows a read what the write before it did, and no other session waits for it', async () => {
        const worker = await start();
        const [writer, reader] = [await worker.connect(), await worker.connect()];
        const write = writer.create('/new');
        const read = writer.exists('/new');
        const forwarded = await worker.request(1);
        assert.equal((await reader.exists('/new')).err, ErrorCode.NONODE);
        worker.lock.acquire();
        addZnode(worker.database.tree, '/new', null);
        worker.publisher.reply(0, forwarded.connection, forwarded.xid, 0, 5, 0, frame(Buffer.from('/new')), 8);
        worker.publisher.publish();
        worker.lock.release();
        worker.announce();
        assert.equal((await write).body, '/new');
        assert.equal((await read).err, 0);
    });
    it('holds for a SASL packet too, which is numbered like any request', async () => {
        const worker = await start();
        const client = await worker.connect();
        const write = client.delete('/w');
        const sasl = client.request(OpCode.sasl, (writer) => writer.writeBuffer(null), (reader) => reader.readBuffer());
        const forwarded = await worker.request(1);
        await settle();
        worker.answer(forwarded);
        assert.equal((await write).err, 0);
        assert.deepEqual((await sasl).body, null);
    });
    it('holds for a request too that cannot be read', async () => {
        const worker = await start();
        const client = await worker.connect();
        const write = client.delete('/w');
        const cut = [OpCode.sync, OpCode.exists, OpCode.setWatches].flatMap((opcode) => [
            client.requestBytes(opcode, Buffer.from([0, 0, 0, 100])),
            client.requestBytes(opcode, Buffer.from([0, 0])),
        ]);
        const sync = client.sync('/w');
        const forwarded = await worker.request(1);
        await settle();
        worker.answer(forwarded);
        assert.equal((await write).err, 0);
        for (const reply of await Promise.all(cut))
            assert.equal(reply.err, ErrorCode.MARSHALLINGERROR);
        const mark = await worker.request(2);
        assert.equal(mark.opcode, OpCode.sync);
        worker.answer(mark, 0, mark.payload);
        assert.equal((await sync).body, '/w');
    });
    it('lets an auth packet pass, but for later requests only', async () => {
        const worker = await start();
        const client = await worker.connect();
        const before = client.delete('/before');
        const auth = client.auth('digest', Buffer.from('user:pass'));
        const behind = client.delete('/behind');
        assert.equal((await auth).err, 0);
        const second = await worker.request(2);
        const kinds = worker.received.map(({ kind }) => kind);
        assert.deepEqual(kinds, [
            RequestKind.openSession,
            RequestKind.clientRequest,
            RequestKind.identities,
            RequestKind.clientRequest,
        ]);
        const identities = worker.identitiesOf(worker.received[2]).map(({ scheme }) => scheme);
        assert.deepEqual(identities, ['ip', 'digest']);
        worker.answer(worker.requests[0]);
        worker.answer(second);
        await Promise.all([before, behind]);
    });
    it('holds over a requests ring that is full', async () => {
        const worker = await start({ requestRingBytes: 4096 });
        const clients = await Promise.all([worker.connect(), worker.connect(), worker.connect()]);
        worker.isStuck = true;
        const writes = clients.flatMap((client) => Array.from({ length: 100 }, (_, i) => client.delete(`/w${'x'.repeat(i % 50)}`)));
        const pings = clients.map((client) => client.ping());
        await settle();
        worker.isStuck = false;
        for (let i = 1; i <= writes.length; i++)
            worker.answer(await worker.request(i));
        for (const reply of await Promise.all(writes))
            assert.equal(reply.err, 0);
        await Promise.all(pings);
        for (const connection of new Set(worker.requests.map((each) => each.connection))) {
            const xids = worker.requests.filter((each) => each.connection === connection).map(({ xid }) => xid);
            assert.deepEqual(xids, Array.from({ length: 100 }, (_, i) => i + 1));
        }
    });
});
describe('a session on a connection', { timeout: 60_000 }, () => {
    it('is asked for with a clamped timeout, and what comes behind the ConnectRequest waits for it', async () => {
        const worker = await start();
        worker.holdsSessions = true;
        const client = await worker.open();
        const session = client.establish({ timeoutMs: 1 });
        client.sendFrame(encode((writer) => {
            writer.writeInt(Xid.ping);
            writer.writeInt(OpCode.ping);
        }));
        await until(() => worker.received.length === 1, 'the ConnectRequest');
        const [asked] = worker.received;
        assert.equal(asked.kind, RequestKind.openSession);
        assert.equal(asked.timeoutMs, 100);
        assert.equal(worker.identitiesOf(asked)[0].id, '127.0.0.1');
        const pong = client.expectReply(Xid.ping);
        await settle();
        assert.equal(client.log.length, 0);
        worker.settle(asked);
        assert.equal((await session).timeoutMs, 100);
        await pong;
    });
    it('is attached with its password, and refused with another', async () => {
        const worker = await start();
        const first = await worker.connect();
        const { sessionId, password } = first.session;
        const again = await worker.connect({ sessionId, password });
        assert.equal(again.session.sessionId, sessionId);
        const wrong = await worker.open();
        const refused = await wrong.establish({ sessionId, password: new Uint8Array(16) });
        assert.deepEqual([refused.timeoutMs, refused.sessionId], [0, 0n]);
        await wrong.waitForClose();
        const kinds = worker.received.map(({ kind }) => kind).slice(1);
        assert.deepEqual(kinds.slice(0, 2), [RequestKind.attachSession, RequestKind.refuseAttach]);
    });
    it('outlives its connection, of whose end main is told once', async () => {
        const worker = await start();
        const clients = await Promise.all([worker.connect(), worker.connect()]);
        await clients[0].disconnect();
        await clients[1].reset();
        const closed = () => worker.received.filter(({ kind }) => kind === RequestKind.connectionClosed);
        await until(() => closed().length === 2, 'connectionClosed');
        await settle();
        assert.equal(new Set(closed().map(({ connection }) => connection)).size, 2);
    });
    it('is touched by every packet', async () => {
        const worker = await start();
        const client = await worker.connect();
        const slot = Number(client.session.sessionId & 63n);
        const words = new Int32Array(worker.touchTable);
        await client.ping();
        const before = Atomics.load(words, slot);
        await until(() => Math.floor(performance.now()) % 2 === 0, 'a later millisecond');
        await delay(3);
        await client.ping();
        assert.ok(((Atomics.load(words, slot) - before) | 0) > 0);
    });
    it('is not there for a connection that says nothing for too long', async () => {
        const worker = await start({ worker: { sessionlessTimeoutMs: 100 } });
        const silent = await worker.open();
        const settled = await worker.connect();
        await silent.waitForClose();
        assert.deepEqual(worker.complaints.map(({ kind }) => kind), ['no session']);
        await settled.ping();
    });
});
describe('a client that does not read', { timeout: 60_000 }, () => {
    it('is closed beyond its limit of unread replies; others go on, and it leaves no watch behind', async () => {
        const worker = await start({ worker: { outputBytesMax: 100_000 } });
        addZnode(worker.database.tree, '/big', Buffer.alloc(120_000));
        const slow = await worker.connect();
        const other = await worker.connect();
        slow.pauseReading();
        // All in one write: what comes behind the reply that is one too many must not be carried out any more.
        slow.batch(() => {
            for (let i = 0; i < 200; i++)
                void slow.getData('/big').catch(() => { });
            for (let i = 0; i < 100; i++)
                void slow.exists(`/watched${i}`, true).catch(() => { });
        });
        await until(() => worker.complaints.length > 0, 'a complaint');
        assert.deepEqual([...new Set(worker.complaints.map(({ kind }) => kind))], ['slow reader']);
        await slow.waitForClose();
        await other.ping();
        await settle();
        assert.equal(Atomics.load(new Int32Array(worker.watchCounts), 0), 0);
    });
    it('is bounded by the pace of its requests, and gets all when it reads again', async () => {
        const worker = await start();
        addZnode(worker.database.tree, '/big', Buffer.alloc(200_000));
        const client = await worker.connect();
        client.pauseReading();
        const reads = Array.from({ length: 300 }, () => client.getData('/big'));
        await until(() => worker.worker.counters.bytesReceived > 300 * 20, 'the requests');
        await settle(100);
        assert.ok(worker.worker.packetsReceived < 200, `${worker.worker.packetsReceived} requests answered unread`);
        client.resumeReading();
        for (const reply of await Promise.all(reads))
            assert.equal(reply.body?.data?.length, 200_000);
        assert.deepEqual(worker.complaints, []);
    });
});
describe('a connection that is to be closed', { timeout: 60_000 }, () => {
    const authFailure = frame(encode((writer) => {
        writer.writeInt(Xid.auth);
        writer.writeInt(OpCode.auth);
        writer.writeInt(0);
        writer.writeString('nonsense');
        writer.writeBuffer(null);
    }));
    it('gets its last reply, whatever it sent behind the request', async () => {
        for (const behind of [[0xff, 0xff, 0xff, 0xff], [0, 0, 0, 1, 1], [...request(1, OpCode.exists, '/a')]]) {
            const worker = await start();
            const client = await worker.connect();
            const failure = client.expectReply(Xid.auth);
            client.sendRaw(Buffer.concat([authFailure, Buffer.from(behind)]));
            assert.equal((await failure).err, ErrorCode.AUTHFAILED);
            await client.waitForClose();
            assert.deepEqual(client.log.length, 1);
            await worker.stop();
        }
    });
    it('is closed too when its replies already wait unread', async () => {
        const worker = await start({ worker: { outputBytesMax: 100_000 } });
        addZnode(worker.database.tree, '/big', Buffer.alloc(90_000));
        const client = await worker.connect();
        client.pauseReading();
        void client.delete('/a').catch(() => { });
        const asked = await worker.request(1);
        worker.answer(asked, ErrorCode.NONODE);
        // Until the kernel takes no more.
        for (let reads = 0; !worker.isWriting(); reads++) {
            assert.ok(reads < 1000);
            void client.getData('/big').catch(() => { });
            await settle(2);
        }
        worker.publisher.reply(0, asked.connection, 99, 0, 1, 0, new Uint8Array(100_001), 100_001);
        worker.publisher.closeConnection(0, asked.connection);
        worker.announce();
        await until(() => worker.complaints.length > 0, 'the complaint');
        await client.waitForClose();
    });
});
describe('the commits ring', { timeout: 60_000 }, () => {
    it('closes a connection behind its last reply', async () => {
        const worker = await start();
        const client = await worker.connect();
        const closing = client.request(OpCode.closeSession, () => { }, () => { });
        const asked = await worker.request(1);
        worker.publisher.reply(0, asked.connection, asked.xid, 0, 9, 0, new Uint8Array(0), 0);
        worker.publisher.closeConnection(0, asked.connection);
        worker.announce();
        assert.equal((await closing).zxid, 9n);
        await client.waitForClose();
    });
    it('may speak of connections that are gone, and of those of other workers', async () => {
        const worker = await start();
        const client = await worker.connect();
        worker.publisher.reply(0, 999, 1, 0, 1, 0, new Uint8Array(0), 0);
        worker.publisher.reply(5, 1, 1, 0, 1, 0, new Uint8Array(0), 0);
        worker.publisher.closeConnection(0, 999);
        worker.publisher.sessionSettled(3, 1, 0, 0, 0, -1);
        worker.announce();
        await client.ping();
        assert.deepEqual(client.log.map((event) => event.kind), ['reply']);
    });
});
describe('addresses', { timeout: 60_000 }, () => {
    it('may have so many connections and no more, until one goes', async () => {
        const worker = await start({ worker: { maxClientCnxns: 2 } });
        const first = await worker.connect();
        await worker.connect();
        const third = await worker.open();
        await third.waitForClose();
        assert.equal(worker.worker.counters.connectionsRejected, 1);
        assert.deepEqual(worker.complaints.map(({ kind }) => kind), ['refused connection']);
        await first.disconnect();
        await until(() => worker.received.some(({ kind }) => kind === RequestKind.connectionClosed), 'the end');
        await settle();
        await worker.connect();
    });
});
