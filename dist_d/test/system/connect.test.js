import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpCode } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { expectedPassword } from '../support/session-password.js';
import { ok } from '../support/wire-connection.js';
import { encode, Flag, text, writeCreate } from '../support/wire-records.js';
/** ConnectResponse to a session that is unknown, expired or presented with a wrong password. */
const REFUSED = Buffer.from('000000000000000000000000000000000000001000000000000000000000000000000000', 'hex');
test('the password vectors of the protocol page', () => {
    assert.equal(expectedPassword(0x0100000000000001n).toString('hex'), '054cc74a37327db215e702e20c73f005');
    assert.equal(expectedPassword(0x1234567890abcdefn).toString('hex'), 'f7721b383fd583ba74d220ede39f7b43');
    assert.equal(expectedPassword(0xffffffffffffffffn).toString('hex'), '20f62cb5648dc2d771471c8a2486a9ee');
});
conformance('connecting', {}, (subject) => {
    const connectFrames = [
        { name: 'without the readOnly byte', readOnly: 'absent', responseBytes: 36 },
        { name: 'with readOnly = false', readOnly: false, responseBytes: 37 },
        { name: 'with readOnly = true', readOnly: true, responseBytes: 37 },
    ];
    for (const { name, readOnly, responseBytes } of connectFrames) {
        test(`new session ${name}`, async () => {
            const { session } = await subject.connect({ readOnly, timeoutMs: 12_345 });
            assert.equal(session.bytes.length, responseBytes);
            assert.equal(session.protocolVersion, 0);
            assert.equal(session.timeoutMs, 12_345);
            assert.equal(session.password.length, 16);
            if (responseBytes === 37)
                assert.equal(session.bytes[36], 0, 'this is no read-only server');
        });
    }
    test('the protocol version is not checked', async () => {
        const { session } = await subject.connect({ protocolVersion: 77 });
        assert.equal(session.protocolVersion, 0);
    });
    const timeouts = [
        [-2_147_483_648, 4000],
        [-1, 4000],
        [0, 4000],
        [3999, 4000],
        [4000, 4000],
        [4001, 4001],
        [39_999, 39_999],
        [40_000, 40_000],
        [40_001, 40_000],
        [2_147_483_647, 40_000],
    ];
    for (const [asked, negotiated] of timeouts) {
        test(`timeout ${asked} becomes ${negotiated}: 2 to 20 ticks`, async () => {
            const { session } = await subject.connect({ timeoutMs: asked });
            assert.equal(session.timeoutMs, negotiated);
        });
    }
    test('session ids differ, name server 1, and their passwords are the ones every server would give', async () => {
        const sessions = await Promise.all(Array.from({ length: 5 }, () => subject.connect()));
        const ids = sessions.map((client) => client.session.sessionId);
        assert.equal(new Set(ids).size, ids.length);
        for (const { session } of sessions) {
            assert.equal(BigInt.asUintN(64, session.sessionId) >> 56n, 1n);
            assert.deepEqual(Buffer.from(session.password), expectedPassword(session.sessionId));
        }
    });
    test('re-attach with the right password keeps the session and takes it from its old connection', async () => {
        const first = await subject.connect({ timeoutMs: 10_000 });
        const path = subject.freshPath();
        ok(await first.create(path, null, Flag.ephemeral));
        const { sessionId, password } = first.session;
        const second = await subject.connect({ sessionId, password, timeoutMs: 20_000 });
        assert.equal(second.session.sessionId, sessionId);
        assert.deepEqual(second.session.password, password);
        assert.equal(second.session.timeoutMs, 20_000, 'the timeout is negotiated anew');
        await first.waitForClose();
        assert.equal(ok(await second.exists(path)).ephemeralOwner, sessionId);
    });
    test('re-attach with a wrong password is refused, and yet ends the old connection', async () => {
        const first = await subject.connect();
        const { sessionId } = first.session;
        const password = Buffer.from(first.session.password);
        password[15] ^= 1;
        const intruder = await subject.connect({ sessionId, password });
        assert.deepEqual(Buffer.from(intruder.session.bytes.subarray(0, 36)), REFUSED);
        assert.equal(intruder.session.bytes.length, 37);
        await intruder.waitForClose();
        await first.waitForClose();
        const owner = await subject.connect({ sessionId, password: first.session.password });
        assert.equal(owner.session.sessionId, sessionId, 'the session itself lives on');
    });
    for (const [name, password] of [
        ['too short', new Uint8Array(15)],
        ['empty', new Uint8Array(0)],
        ['of zeros', new Uint8Array(16)],
    ]) {
        test(`re-attach with a password ${name} is refused`, async () => {
            const first = await subject.connect();
            const intruder = await subject.connect({ sessionId: first.session.sessionId, password });
            assert.deepEqual(Buffer.from(intruder.session.bytes.subarray(0, 36)), REFUSED);
            await intruder.waitForClose();
        });
    }
    test('an unknown session with the password that it would have is told that it expired', async () => {
        const sessionId = 0x010000aabbcc0007n;
        for (const readOnly of [false, 'absent']) {
            const client = await subject.connect({ sessionId, password: expectedPassword(sessionId), readOnly });
            assert.deepEqual(Buffer.from(client.session.bytes.subarray(0, 36)), REFUSED);
            assert.equal(client.session.bytes.length, readOnly === 'absent' ? 36 : 37);
            await client.waitForClose();
        }
    });
    test('a client that has seen a later zxid than the server is turned away without a reply', async () => {
        const client = await subject.connect();
        const zxid = (await client.create(subject.freshPath())).zxid;
        await subject.connect({ lastZxidSeen: zxid });
        const ahead = await subject.open();
        await assert.rejects(ahead.establish({ lastZxidSeen: zxid + 1000n }), /connection closed/);
    });
    test('requests in the same segment as the ConnectRequest wait for the session', async () => {
        const client = await subject.open();
        const path = subject.freshPath();
        const [, auth, created, read] = await Promise.all(client.batch(() => [
            client.establish({}),
            client.auth('digest', text('early:bird')),
            client.create(path, text('x')),
            client.getData(path),
        ]));
        assert.ok(auth && created && read);
        assert.equal(auth.err, 0);
        assert.equal(created.err, 0);
        assert.equal(read.err, 0);
    });
    test('a session opened byte by byte', async () => {
        const client = await subject.open();
        const body = encode((writer) => {
            writer.writeInt(0);
            writer.writeLong(0n);
            writer.writeInt(10_000);
            writer.writeLong(0n);
            writer.writeBuffer(new Uint8Array(16));
            writer.writeBoolean(false);
        });
        const frame = encode((writer) => writer.writeBuffer(body));
        const response = client.awaitSession();
        for (const byte of frame) {
            client.sendRaw(Uint8Array.of(byte));
            await new Promise((resolve) => setImmediate(resolve));
        }
        assert.equal((await response).timeoutMs, 10_000);
    });
    test('closeSession is answered, then the connection closes and the session is gone', async () => {
        const client = await subject.connect();
        const other = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path, null, Flag.ephemeral));
        const reply = await client.closeSession();
        assert.equal(reply.err, 0);
        assert.equal(reply.xid, client.lastXid);
        assert.equal(reply.rest, 0, 'the reply is a header only');
        await client.waitForClose();
        assert.equal((await other.exists(path)).err, -101);
        const late = await subject.connect({
            sessionId: client.session.sessionId,
            password: client.session.password,
        });
        assert.deepEqual(Buffer.from(late.session.bytes.subarray(0, 36)), REFUSED);
    });
    test('opening and closing a session each take one zxid', async () => {
        const watcher = await subject.connect();
        const before = (await watcher.create(subject.freshPath())).zxid;
        const client = await subject.connect();
        assert.equal((await watcher.ping()).zxid, before + 1n);
        assert.equal((await client.closeSession()).zxid, before + 2n);
    });
    test('a ping is answered with xid -2, the last zxid and no body', async () => {
        const client = await subject.connect();
        const { zxid } = await client.create(subject.freshPath());
        const reply = await client.ping();
        assert.deepEqual(reply, { xid: -2, zxid, err: 0, body: undefined, rest: 0 });
    });
    for (const xid of [0, 1, 0x7fffffff, -100, -2_147_483_648]) {
        test(`xid ${xid} is echoed`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            const write = await client.request(OpCode.create, (writer) => writeCreate(writer, path, null, [{ perms: 31, scheme: 'world', id: 'anyone' }], 0), (reader) => reader.readString(), xid);
            assert.deepEqual([write.xid, write.err, write.body], [xid, 0, path]);
        });
    }
});
