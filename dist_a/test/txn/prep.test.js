import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { dumpTree } from '../storage/test-database.js';
import { ModelRunner } from './model-runner.js';
import { OPEN, opcodeOf, writeRequest } from './requests.js';
import { newSession, TxnMachine } from './txn-machine.js';
import { javaPadded } from './zookeeper-model.js';
const session = newSession(5n);
function refOf(machine, path) {
    const ref = machine.tree.find(Buffer.from(path), 0, path.length);
    assert.notEqual(ref, 0, path);
    return ref;
}
function make(machine, request, entryBytesMax) {
    return machine.make(opcodeOf(request.type), session, (writer) => writeRequest(writer, request), [], entryBytesMax);
}
function create(path, data = null, flags = 0) {
    return { type: 'create', path, data, acl: OPEN, flags };
}
function setData(path, data) {
    return { type: 'setData', path, data, version: -1 };
}
/** For tests that set a field of a znode behind the digest's back: what takes 2^31 requests to reach. */
const withoutDigest = { digestEnabled: false };
describe('sequence numbers', () => {
    const cases = [
        [0, '0000000000'],
        [7, '0000000007'],
        [999_999_999, '0999999999'],
        [1_000_000_000, '1000000000'],
        [0x7fffffff, '2147483647'],
        [-1, '-000000001'],
        [-5, '-000000005'],
        [-999_999_999, '-999999999'],
        [-1_000_000_000, '-1000000000'],
        [-0x80000000, '-2147483648'],
    ];
    for (const [cversion, suffix] of cases) {
        it(`are ${suffix} after ${cversion} creations`, () => {
            assert.equal(javaPadded(cversion), suffix);
            const machine = new TxnMachine(withoutDigest);
            machine.tree.setCversion(machine.tree.root, cversion);
            const made = make(machine, create('/s-', null, 2));
            assert.equal(made.error, 0);
            const path = `/s-${suffix}`;
            assert.equal(Buffer.from(made.entry.subarray(36, 36 + path.length)).toString(), path);
            machine.applyAll();
            assert.equal(machine.tree.cversion(machine.tree.root), (cversion + 1) | 0);
        });
    }
    it('go on over the overflow, applied at once or later, and the digests stay equal', () => {
        for (const applies of [0, 1]) {
            const runner = new ModelRunner({ rootCversion: 0x7ffffffe });
            for (let i = 0; i < 5; i++)
                runner.step({ session: 0, applies, action: create('/s-', null, 2) });
            runner.check();
            const made = runner.model.children('/').filter((path) => path.startsWith('/s-'));
            assert.deepEqual(made.sort(), [
                ...['/s--2147483646', '/s--2147483647', '/s--2147483648', '/s-2147483646', '/s-2147483647'],
            ]);
        }
        // -1 as parentCVersion means "one more" in old logs; here it is what it is.
        const runner = new ModelRunner({ rootCversion: -3 });
        for (let i = 0; i < 4; i++)
            runner.step({ session: 0, applies: 0, action: create('/s-', null, 2) });
        runner.check();
        assert.ok(runner.model.znodes.has('/s-0000000000'));
    });
    it('count what is not applied yet, other creations too, and not what failed', () => {
        const runner = new ModelRunner();
        const step = (action) => runner.step({ session: 0, applies: 0, action });
        step(create('/q'));
        step(create('/q/plain'));
        step(create('/q/s-', null, 2));
        step(create('/q/plain'));
        step({ type: 'delete', path: '/q/plain', version: -1 });
        step(create('/q/', null, 3));
        step({ type: 'multi', ops: [create('/q/m-', null, 2), { type: 'check', path: '/none', version: -1 }] });
        step({ type: 'multi', ops: [create('/q/m-', null, 2), create('/q/m-', null, 2)] });
        runner.check();
        const names = runner.model.children('/q').map((path) => path.slice(3));
        assert.deepEqual(names.sort(), ['0000000002', 'm-0000000003', 'm-0000000004', 's-0000000001']);
    });
});
describe('versions', () => {
    it('pass over -1 and wrap, as data and as ACL versions', () => {
        const machine = new TxnMachine(withoutDigest);
        make(machine, create('/a'));
        machine.applyAll();
        const ref = refOf(machine, '/a');
        for (const [before, after] of [
            [-2, 0],
            [0x7fffffff, -0x80000000],
            [-3, -2],
        ]) {
            machine.tree.setVersion(ref, before);
            machine.tree.setAversion(ref, before);
            make(machine, { ...setData('/a', null), version: before });
            make(machine, { type: 'setACL', path: '/a', acl: OPEN, version: before });
            machine.applyAll();
            assert.deepEqual([machine.tree.version(ref), machine.tree.aversion(ref)], [after, after]);
        }
    });
    it('match exactly: a negative one other than -1 is no wildcard', () => {
        const machine = new TxnMachine();
        make(machine, create('/a'));
        for (const version of [-2, 1, -0x80000000]) {
            assert.equal(make(machine, { ...setData('/a', null), version }).error, ErrorCode.BADVERSION);
            assert.equal(make(machine, { type: 'delete', path: '/a', version }).error, ErrorCode.BADVERSION);
        }
    });
});
describe('a txn that is too large for the log', () => {
    const requests = [
        create('/b', Buffer.alloc(200)),
        create(`/${'n'.repeat(200)}`),
        create(`/${'n'.repeat(120)}`, null, 3),
        setData('/a', Buffer.alloc(200)),
        { type: 'setACL', path: '/a', acl: [[1, 'digest', `a:${'b'.repeat(200)}`]], version: -1 },
        {
            type: 'multi',
            ops: [
                setData('/a', Buffer.alloc(60)),
                { type: 'delete', path: '/a', version: -1 },
                create('/c', Buffer.alloc(60)),
            ],
        },
    ];
    for (const request of requests) {
        it(`becomes MARSHALLINGERROR and changes nothing: ${request.type} of ${JSON.stringify(request).length} characters`, () => {
            const machine = new TxnMachine();
            make(machine, create('/a'));
            machine.applyAll();
            const before = dumpTree(machine.tree);
            const failed = make(machine, request, 170);
            assert.equal(failed.error, ErrorCode.MARSHALLINGERROR);
            assert.equal(failed.entry.length, 36);
            assert.equal(failed.admittedBytes, 0);
            assert.equal(machine.prep.outstandingChanges, 0);
            // The next txn carries the digest of the unchanged tree.
            make(machine, setData('/a', null));
            machine.applyNext();
            assert.deepEqual(dumpTree(machine.tree), before);
            machine.applyAll();
            assert.equal(machine.tree.statistics().aclLists, 1);
        });
    }
    it('leaves the same request alone where it fits', () => {
        for (const request of requests) {
            const machine = new TxnMachine();
            make(machine, create('/a'));
            assert.equal(make(machine, request, 400).error, 0);
            machine.applyAll();
        }
    });
});
describe('closeSession', () => {
    function withEphemerals(options = {}) {
        const machine = new TxnMachine(options);
        for (let i = 0; i < 20; i++)
            make(machine, create(`/ephemeral${i}`, null, 1));
        machine.applyAll();
        return machine;
    }
    for (const closeSessionTxnEnabled of [true, false]) {
        for (const digestEnabled of [true, false]) {
            it(`deletes all ephemerals (list: ${closeSessionTxnEnabled}, digest: ${digestEnabled})`, () => {
                const machine = withEphemerals({ closeSessionTxnEnabled, digestEnabled });
                const own = newSession(5n);
                const made = machine.make(OpCode.closeSession, own, () => { });
                assert.equal(made.entry.length > 100, closeSessionTxnEnabled);
                machine.applyAll();
                assert.equal(machine.database.ephemerals.count, 0);
                assert.equal(machine.tree.childCount(machine.tree.root), 1);
            });
        }
    }
    it('goes without the list where that would be too large, and still deletes all', () => {
        const machine = withEphemerals();
        const made = machine.make(OpCode.closeSession, newSession(5n), () => { }, [], 120);
        assert.equal(made.error, 0);
        assert.equal(made.entry.length, 32 + 12);
        machine.applyAll();
        assert.equal(machine.tree.childCount(machine.tree.root), 1);
    });
    it('takes what outstanding txns make of its ephemerals into account', () => {
        const machine = new TxnMachine();
        const own = newSession(8n);
        const other = newSession(9n);
        const request = (by, action) => machine.make(opcodeOf(action.type), by, (writer) => writeRequest(writer, action));
        for (const path of ['/kept', '/gone', '/taken', '/persistent'])
            request(own, create(path, null, 1));
        machine.applyAll();
        for (const path of ['/gone', '/taken', '/persistent'])
            request(other, { type: 'delete', path, version: -1 });
        request(other, create('/taken', null, 1));
        request(other, create('/persistent'));
        request(own, create('/new', null, 1));
        machine.make(OpCode.closeSession, own, () => { });
        machine.applyAll();
        assert.deepEqual(Object.keys(dumpTree(machine.tree))
            .filter((path) => path.lastIndexOf('/') === 0)
            .sort(), [...['/', '/persistent', '/taken', '/zookeeper']]);
        assert.equal(machine.database.ephemerals.count, 1);
        assert.equal(machine.database.ephemerals.of(other.idHigh, other.idLow).size, 1);
    });
    it('refuses what the session asks for behind it', () => {
        const machine = new TxnMachine();
        const own = newSession(8n);
        machine.make(OpCode.closeSession, own, () => { });
        for (const action of [create('/a'), setData('/zookeeper', null)]) {
            const made = machine.make(opcodeOf(action.type), own, (writer) => writeRequest(writer, action));
            assert.equal(made.error, ErrorCode.SESSIONEXPIRED);
        }
        machine.applyAll();
    });
});
describe('a replica without room', () => {
    const small = {
        replica: { memoryBytesMax: 128 << 10, segmentBytes: 64 << 10 },
        entryBytesMax: 64 << 10,
    };
    /** Fills the replica, with `lag` txns outstanding at a time; gives how many znodes it took. */
    function fill(machine, lag) {
        for (let i = 0; i < 1000; i++) {
            const made = make(machine, create(`/big${i}`, Buffer.alloc(3000, i)));
            while (machine.outstanding.length > lag)
                machine.applyNext();
            if (made.error === 0)
                continue;
            assert.equal(made.error, ErrorCode.QUOTAEXCEEDED);
            machine.applyAll();
            return i;
        }
        throw new Error('it never filled up');
    }
    for (const lag of [0, 5, 1000]) {
        it(`answers QUOTAEXCEEDED, and goes on where room is made (${lag} outstanding)`, () => {
            const machine = new TxnMachine(small);
            // What is outstanding counts for what it may need at most; applied, it may leave room.
            const first = fill(machine, lag);
            for (let i = 0; i < first; i++)
                make(machine, { type: 'delete', path: `/big${i}`, version: -1 });
            machine.applyAll();
            const znodes = fill(machine, 0);
            assert.ok(first > 5 && znodes >= first, `${first}, then ${znodes}`);
            const before = dumpTree(machine.tree);
            const acl = [[1, 'digest', `a:${'b'.repeat(3000)}`]];
            for (const request of [
                create('/more', Buffer.alloc(3000)),
                setData('/big0', Buffer.alloc(6000)),
                { type: 'setACL', path: '/big0', acl, version: -1 },
                {
                    type: 'multi',
                    ops: [{ type: 'delete', path: '/big1', version: -1 }, create('/more', Buffer.alloc(3000))],
                },
            ]) {
                const made = make(machine, request);
                if (request.type !== 'multi')
                    assert.equal(made.error, ErrorCode.QUOTAEXCEEDED, request.type);
                machine.applyAll();
            }
            assert.deepEqual(dumpTree(machine.tree), before);
            for (let i = 0; i < znodes; i++) {
                assert.equal(make(machine, { type: 'delete', path: `/big${i}`, version: -1 }).error, 0);
            }
            machine.applyAll();
            assert.equal(fill(machine, 0), znodes, 'the same room as before');
        });
    }
    it('gives back what was set aside when txns fail or are applied', () => {
        const machine = new TxnMachine(small);
        make(machine, create('/a'));
        for (let i = 0; i < 500; i++) {
            make(machine, {
                type: 'multi',
                ops: [setData('/a', Buffer.alloc(5000)), { type: 'check', path: '/none', version: -1 }],
            });
            make(machine, { ...setData('/a', Buffer.alloc(5000)), version: 7 });
            assert.equal(make(machine, setData('/a', Buffer.alloc(5000))).error, 0, `${i}`);
            machine.applyAll();
        }
    });
});
describe('a request body that is cut short', () => {
    const requests = [
        create('/b', Buffer.from('x')),
        setData('/a', Buffer.from('x')),
        { type: 'delete', path: '/a', version: -1 },
        { type: 'setACL', path: '/a', acl: [[1, 'world', 'anyone']], version: -1 },
        { type: 'multi', ops: [setData('/a', null), create('/b'), { type: 'delete', path: '/a', version: -1 }] },
    ];
    for (const request of requests) {
        it(`is MARSHALLINGERROR wherever it is cut: ${request.type}`, () => {
            const machine = new TxnMachine();
            make(machine, create('/a'));
            machine.applyAll();
            const before = dumpTree(machine.tree);
            let length = 1;
            for (let cut = 0; cut < length; cut++) {
                const made = machine.make(opcodeOf(request.type), session, (writer) => {
                    const start = writer.position;
                    writeRequest(writer, request);
                    length = writer.position - start;
                    writer.position = start + cut;
                });
                assert.equal(made.error, ErrorCode.MARSHALLINGERROR, `cut at ${cut}`);
                machine.applyAll();
            }
            assert.ok(length > 8);
            assert.deepEqual(dumpTree(machine.tree), before);
        });
    }
});
