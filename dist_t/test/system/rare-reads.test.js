import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { encode, Flag, text, writeMulti, writeMultiHeader, } from '../support/wire-records.js';
const { NONODE, NOAUTH, MARSHALLINGERROR } = ErrorCode;
/** What a result says without its Stat. */
const brief = (results) => results.map(briefOne);
function briefOne(result) {
    switch (result.type) {
        case 'getData':
            return result.data === null ? null : Buffer.from(result.data).toString();
        case 'getChildren':
            return [...result.children].sort();
        case 'error':
            return result.err;
    }
}
conformance('multiRead', {}, (subject) => {
    test('independent results, each with an error of its own', async () => {
        const [client, owner] = [await subject.connect(), await subject.connect()];
        ok(await owner.auth('digest', text('owner:secret')));
        const path = subject.freshPath();
        ok(await client.create(path, text('data')));
        ok(await client.create(`${path}/a`, null));
        ok(await client.create(`${path}/b`, new Uint8Array(0)));
        ok(await owner.create(`${path}/secret`, text('x'), 0, [{ perms: 31, scheme: 'auth', id: '' }]));
        const reply = await client.multiRead([
            { type: 'getData', path },
            { type: 'getChildren', path },
            { type: 'getData', path: `${path}/no` },
            { type: 'getChildren', path: `${path}/no` },
            { type: 'getData', path: `${path}/secret` },
            { type: 'getChildren', path: `${path}/secret` },
            { type: 'getData', path: `${path}/a` },
            { type: 'getData', path: `${path}/b` },
            { type: 'getChildren', path: `${path}/a` },
            { type: 'getData', path: 'no path' },
        ]);
        assert.equal(reply.err, 0);
        assert.equal(reply.rest, 0);
        const results = ok(reply);
        assert.deepEqual(brief(results), [
            'data',
            ['a', 'b', 'secret'],
            NONODE,
            NONODE,
            NOAUTH,
            NOAUTH,
            null,
            '',
            [],
            NONODE,
        ]);
        const { stat } = ok(await client.getData(path));
        assert.deepEqual(results[0], { type: 'getData', data: new Uint8Array(text('data')), stat });
    });
    test('an empty one succeeds', async () => {
        const client = await subject.connect();
        assert.deepEqual(ok(await client.multiRead([])), []);
    });
    test('the watch flag sets no watch', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.multiRead([
            { type: 'getData', path, watch: true },
            { type: 'getChildren', path, watch: true },
        ]));
        ok(await client.setData(path, text('x')));
        ok(await client.create(`${path}/c`));
        assert.deepEqual(client.notifications, []);
    });
    test("sees the session's own earlier writes", async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const [, , read] = client.batch(() => [
            client.create(path),
            client.setData(path, text('mine')),
            client.multiRead([{ type: 'getData', path }]),
        ]);
        assert.deepEqual(brief(ok(await read)), ['mine']);
    });
    const impossible = [
        ['a write in it', encode((w) => writeMulti(w, [{ type: 'delete', path: '/no' }]))],
        [
            'a read and a write',
            encode((w) => {
                writeMultiHeader(w, OpCode.getData, false);
                w.writeString('/');
                w.writeBoolean(false);
                writeMulti(w, [{ type: 'delete', path: '/no' }]);
            }),
        ],
        [
            'an exists in it',
            encode((w) => {
                writeMultiHeader(w, OpCode.exists, false);
                w.writeString('/');
                w.writeBoolean(false);
                writeMultiHeader(w, -1, true);
            }),
        ],
        ['nothing at all', new Uint8Array(0)],
        ['no end', encode((w) => writeMultiHeader(w, OpCode.getData, false))],
    ];
    for (const [name, body] of impossible) {
        test(`${name} is a marshalling error`, async () => {
            const client = await subject.connect();
            const reply = await client.requestBytes(OpCode.multiRead, body);
            assert.equal(reply.err, MARSHALLINGERROR);
            ok(await client.exists('/'));
        });
    }
});
conformance('getEphemerals', {}, (subject) => {
    test("the session's own, by prefix", async () => {
        const [client, other] = [await subject.connect(), await subject.connect()];
        const path = subject.freshPath();
        ok(await client.create(path));
        for (const name of ['a', 'ab', 'b', 'ü'])
            ok(await client.create(`${path}/${name}`, null, Flag.ephemeral));
        ok(await other.create(`${path}/a-other`, null, Flag.ephemeral));
        ok(await client.create(`${path}/a-persistent`));
        const all = ['a', 'ab', 'b', 'ü'].map((name) => `${path}/${name}`);
        const cases = [
            [null, all],
            ['', all],
            ['  \t', all],
            ['/', all],
            [' / ', all],
            [path, all],
            [`${path}/`, all],
            [`${path}/a`, [`${path}/a`, `${path}/ab`]],
            [`${path}/ab`, [`${path}/ab`]],
            [`${path}/ü`, [`${path}/ü`]],
            [`${path}/abc`, []],
            ['//', []],
            ['/ /', []],
            ['no path', []],
        ];
        for (const [prefix, expected] of cases) {
            const reply = await client.getEphemerals(prefix);
            assert.equal(reply.rest, 0);
            assert.deepEqual(ok(reply).sort(), expected, JSON.stringify(prefix));
        }
        assert.deepEqual(ok(await other.getEphemerals('/')), [`${path}/a-other`]);
    });
    test('in the order of the requests: what was created before is there, what comes later is not', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        const [, first, , second, , third] = client.batch(() => [
            client.create(`${path}/a`, null, Flag.ephemeral),
            client.getEphemerals(path),
            client.create(`${path}/b`, null, Flag.ephemeral),
            client.getEphemerals(path),
            client.multi([
                { type: 'delete', path: `${path}/a` },
                { type: 'delete', path: `${path}/b` },
            ]),
            client.getEphemerals(path),
        ]);
        assert.deepEqual(ok(await first), [`${path}/a`]);
        assert.deepEqual(ok(await second).sort(), [`${path}/a`, `${path}/b`]);
        assert.deepEqual(ok(await third), []);
    });
    test('they are the same over a reconnect', async () => {
        const first = await subject.connect();
        const path = subject.freshPath();
        ok(await first.create(path, null, Flag.ephemeral));
        await first.disconnect();
        const { sessionId, password } = first.session;
        const second = await subject.connect({ sessionId, password });
        assert.deepEqual(ok(await second.getEphemerals(null)), [path]);
    });
    test('cut short is a marshalling error, in order', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const replies = client.batch(() => [
            client.create(path),
            client.requestBytes(OpCode.getEphemerals, text('?')),
            client.setData(path, text('x')),
            client.requestBytes(OpCode.sync, text('?')),
            client.exists(path),
        ]);
        const codes = (await Promise.all(replies)).map((reply) => reply.err);
        assert.deepEqual(codes, [0, MARSHALLINGERROR, 0, MARSHALLINGERROR, 0]);
    });
});
conformance('getAllChildrenNumber', {}, (subject) => {
    test('counts all descendants, as they come and go', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        const count = async (below = '') => {
            const reply = await client.getAllChildrenNumber(path + below);
            assert.equal(reply.rest, 0);
            return ok(reply);
        };
        assert.equal(await count(), 0);
        for (const node of ['/a', '/a/1', '/a/1/x', '/a/2', '/b', '/ab'])
            ok(await client.create(path + node));
        assert.deepEqual([await count(), await count('/a'), await count('/a/1'), await count('/b')], [6, 3, 1, 0]);
        ok(await client.delete(`${path}/a/1/x`));
        ok(await client.multi([
            { type: 'delete', path: `${path}/a/1` },
            { type: 'create', path: `${path}/b/3` },
        ]));
        assert.deepEqual([await count(), await count('/a'), await count('/b')], [5, 1, 1]);
    });
    test('ephemerals go with their session', async () => {
        const [client, owner] = [await subject.connect(), await subject.connect()];
        const path = subject.freshPath();
        ok(await client.create(path));
        for (let i = 0; i < 5; i++)
            ok(await owner.create(`${path}/e`, null, Flag.ephemeralSequential));
        assert.equal(ok(await client.getAllChildrenNumber(path)), 5);
        ok(await owner.closeSession());
        assert.equal(ok(await client.getAllChildrenNumber(path)), 0);
    });
    test('of the root: all znodes but itself', async () => {
        const client = await subject.connect();
        let znodes = 0;
        const walk = async (path) => {
            for (const name of ok(await client.getChildren(path))) {
                znodes++;
                await walk(`${path === '/' ? '' : path}/${name}`);
            }
        };
        await walk('/');
        assert.equal(ok(await client.getAllChildrenNumber('/')), znodes);
        assert.equal(ok(await client.getAllChildrenNumber('/zookeeper')), 2);
    });
    test('a missing znode, one that may not be read, and a short body', async () => {
        const [client, owner] = [await subject.connect(), await subject.connect()];
        ok(await owner.auth('digest', text('owner:secret')));
        const path = subject.freshPath();
        assert.equal((await client.getAllChildrenNumber(path)).err, NONODE);
        ok(await owner.create(path, null, 0, [{ perms: 31, scheme: 'auth', id: '' }]));
        assert.equal((await client.getAllChildrenNumber(path)).err, NOAUTH);
        assert.equal(ok(await owner.getAllChildrenNumber(path)), 0);
        assert.equal((await client.requestBytes(OpCode.getAllChildrenNumber, text('?'))).err, MARSHALLINGERROR);
    });
});
conformance('whoAmI', {}, (subject) => {
    const sorted = (infos) => infos.map(({ scheme, user }) => `${scheme}:${user}`).sort();
    test('the address, and what authentication added', async () => {
        const client = await subject.connect();
        const reply = await client.whoAmI();
        assert.equal(reply.rest, 0);
        assert.deepEqual(sorted(ok(reply)), ['ip:127.0.0.1']);
        ok(await client.auth('digest', text('alice:secret')));
        ok(await client.auth('digest', text('bob:secret')));
        ok(await client.auth('digest', text('bob:secret')));
        assert.deepEqual(sorted(ok(await client.whoAmI())), ['digest:alice', 'digest:bob', 'ip:127.0.0.1']);
    });
});
conformance('whoAmI of a superuser', 
// The digest of super:admin.
{ config: ['DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs='] }, (subject) => {
    test('super has no user name', async () => {
        const client = await subject.connect();
        ok(await client.auth('digest', text('super:admin')));
        const infos = ok(await client.whoAmI()).map(({ scheme, user }) => `${scheme}:${user}`);
        assert.deepEqual(infos.sort(), ['digest:super', 'ip:127.0.0.1', 'super:']);
    });
});
