import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { OpCode, opName } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { nothing, ok } from '../support/wire-connection.js';
import { encode, openAcl, text, writeCreate, writeMulti, writeStrings } from '../support/wire-records.js';
const { MARSHALLINGERROR, UNIMPLEMENTED } = ErrorCode;
/** A whole body for each operation; cut short, none can be read. */
const bodies = {
    create: {
        type: OpCode.create,
        body: (path) => encode((w) => writeCreate(w, path, text('x'), openAcl, 0)),
        isWrite: true,
    },
    create2: {
        type: OpCode.create2,
        body: (path) => encode((w) => writeCreate(w, path, text('x'), openAcl, 0)),
        isWrite: true,
    },
    delete: { type: OpCode.delete, body: (path) => pathAnd(path, (w) => w.writeInt(-1)), isWrite: true },
    exists: { type: OpCode.exists, body: (path) => pathAnd(path, (w) => w.writeBoolean(true)), isWrite: false },
    getData: {
        type: OpCode.getData,
        body: (path) => pathAnd(path, (w) => w.writeBoolean(true)),
        isWrite: false,
    },
    setData: {
        type: OpCode.setData,
        body: (path) => pathAnd(path, (w) => {
            w.writeBuffer(text('x'));
            w.writeInt(-1);
        }),
        isWrite: true,
    },
    getACL: { type: OpCode.getACL, body: (path) => pathAnd(path, nothing), isWrite: false },
    getChildren: {
        type: OpCode.getChildren,
        body: (path) => pathAnd(path, (w) => w.writeBoolean(true)),
        isWrite: false,
    },
    getChildren2: {
        type: OpCode.getChildren2,
        body: (path) => pathAnd(path, (w) => w.writeBoolean(true)),
        isWrite: false,
    },
    multi: {
        type: OpCode.multi,
        body: (path) => encode((w) => writeMulti(w, [{ type: 'create', path }])),
        isWrite: true,
    },
    setWatches: {
        type: OpCode.setWatches,
        body: (path) => encode((w) => {
            w.writeLong(0n);
            for (let list = 0; list < 3; list++)
                writeStrings(w, [path]);
        }),
        isWrite: false,
    },
};
function pathAnd(path, write) {
    return encode((writer) => {
        writer.writeString(path);
        write(writer);
    });
}
conformance('requests that cannot be answered', {}, (subject) => {
    for (const type of [0, 10, 99, -1, 77, 23, 108, 1000, 2_147_483_647, -2_147_483_648]) {
        test(`opcode ${type} is answered by UNIMPLEMENTED with zxid -1, and the connection closed`, async () => {
            const client = await subject.connect();
            const unknown = await client.requestBytes(type, text('anything'), 31);
            assert.deepEqual(unknown, { xid: 31, zxid: -1n, err: UNIMPLEMENTED, body: null, rest: 0 });
            await client.waitForClose();
            const { sessionId, password } = client.session;
            const back = await subject.connect({ sessionId, password });
            assert.equal(back.session.sessionId, sessionId, 'the session lives on');
        });
    }
    test('check on its own is not implemented either (3.8 does check)', async () => {
        const client = await subject.connect();
        const reply = await client.requestBytes(OpCode.check, pathAnd('/', (w) => w.writeInt(9)));
        assert.equal(reply.err, subject.since39(UNIMPLEMENTED, ErrorCode.BADVERSION));
        if (reply.err === UNIMPLEMENTED)
            await client.waitForClose();
    });
    for (const [name, { type, body, isWrite }] of Object.entries(bodies)) {
        test(`${name} cut short is a marshalling error, and the connection goes on`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            ok(await client.create(path));
            const whole = body(path);
            let { zxid } = await client.ping();
            for (const length of [0, 2, 3, 4, Math.floor(whole.length / 2), whole.length - 1]) {
                const reply = await client.requestBytes(type, whole.subarray(0, length));
                if (isWrite)
                    zxid += 1n;
                assert.deepEqual(reply, { xid: reply.xid, zxid, err: MARSHALLINGERROR, body: null, rest: 0 }, `${length} bytes`);
            }
            ok(await client.setData(path, text('x')));
            assert.deepEqual(client.notifications, [], 'what was not understood set no watch');
        });
        test(`${name} with bytes after its end is fine`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            if (!['create', 'create2', 'multi'].includes(name))
                ok(await client.create(path));
            const whole = Buffer.concat([body(path), text('and so on')]);
            assert.equal((await client.requestBytes(type, whole)).err, 0);
            assert.equal((await client.exists('/')).err, 0);
        });
    }
    const impossible = [
        ['a path of negative length', OpCode.getData, encode((w) => w.writeInt(-2))],
        ['a path longer than the frame', OpCode.getData, encode((w) => w.writeInt(1_000_000))],
        ['a path of two gigabytes', OpCode.exists, encode((w) => w.writeInt(0x7fffffff))],
        ['data of negative length', OpCode.setData, pathAnd('/x', (w) => w.writeInt(-2))],
        ['data of two gigabytes', OpCode.setData, pathAnd('/x', (w) => w.writeInt(0x7fffffff))],
        ['an ACL of two billion entries', OpCode.setACL, pathAnd('/x', (w) => w.writeInt(0x7fffffff))],
        ['an ACL that ends early', OpCode.setACL, pathAnd('/x', (w) => w.writeInt(3))],
        [
            'two billion watches',
            OpCode.setWatches,
            encode((w) => {
                w.writeLong(0n);
                w.writeInt(0x7fffffff);
            }),
        ],
        ['a multi of an operation that is none', OpCode.multi, encode((w) => w.writeInt(4711))],
        [
            'a multi without an end',
            OpCode.multi,
            encode((w) => writeMulti(w, [{ type: 'check', path: '/' }])).subarray(0, 20),
        ],
    ];
    for (const [name, type, body] of impossible) {
        test(`${name} (${opName(type)}) is a marshalling error`, async () => {
            const client = await subject.connect();
            assert.equal((await client.requestBytes(type, body)).err, MARSHALLINGERROR);
            ok(await client.exists('/'));
        });
    }
    test('requests before and behind one that is not understood are answered, in order', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const replies = client.batch(() => [
            client.create(path),
            client.requestBytes(OpCode.setData, text('?')),
            client.setData(path, text('x')),
            client.requestBytes(OpCode.getData, text('?')),
            client.getData(path),
        ]);
        const codes = (await Promise.all(replies)).map((reply) => reply.err);
        assert.deepEqual(codes, [0, MARSHALLINGERROR, 0, MARSHALLINGERROR, 0]);
    });
});
