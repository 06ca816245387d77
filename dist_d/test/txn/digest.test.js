import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OpCode } from '../../src/protocol/opcode.js';
import { countsInDigest, TreeDigest } from '../../src/txn/digest.js';
import { runs } from './histories.js';
import { OPEN, writeRequest } from './requests.js';
import { newDatabase, newSession, TxnMachine } from './txn-machine.js';
describe('the tree digest', () => {
    it('of a fresh tree is that of Apache, root alone and with /zookeeper', () => {
        const database = newDatabase();
        assert.deepEqual([database.tree.treeDigestHigh, database.tree.treeDigestLow], [0, 68323592]);
        database.startEmpty();
        assert.deepEqual([database.tree.treeDigestHigh, database.tree.treeDigestLow], [0, 0x51c6d660]);
    });
    it('leaves out what lies below /zookeeper, and that alone', () => {
        const machine = new TxnMachine();
        const session = newSession(1n);
        const digest = () => [machine.tree.treeDigestHigh, machine.tree.treeDigestLow];
        const create = (path) => machine.run(OpCode.create, session, (writer) => writeRequest(writer, { type: 'create', path, data: Buffer.from('x'), acl: OPEN, flags: 0 }));
        const fresh = digest();
        create('/zookeeper/quota/a');
        create('/zookeeper/quota/a/b');
        assert.deepEqual(digest(), fresh);
        // A child of /zookeeper itself changes that one's cversion, which counts.
        create('/zookeeper/own');
        const withOwn = digest();
        assert.notDeepEqual(withOwn, fresh);
        create('/zookeepers');
        assert.notDeepEqual(digest(), withOwn);
    });
    it('knows by the bytes which paths count', () => {
        const counts = (path) => {
            const bytes = Buffer.from(`..${path}..`);
            return countsInDigest(bytes, 2, bytes.length - 4);
        };
        for (const path of ['/', '/zookeeper', '/zookeepers/a', '/a/zookeeper/b', '/zookeepe'])
            assert.ok(counts(path), path);
        for (const path of ['/zookeeper/a', '/zookeeper/quota/b'])
            assert.ok(!counts(path), path);
    });
    it('is not kept with digest.enabled=false, and txns carry none', () => {
        const machine = new TxnMachine({ digestEnabled: false });
        const made = machine.make(OpCode.create, newSession(1n), (writer) => writeRequest(writer, { type: 'create', path: '/a', data: null, acl: OPEN, flags: 0 }));
        machine.applyAll();
        assert.deepEqual([machine.tree.treeDigestHigh, machine.tree.treeDigestLow], [0, 0]);
        const body = 4 + 2 + 4 + 27 + 1 + 4;
        assert.equal(made.entry.length, 32 + body);
    });
    it('ends the replica when it is not what the txn says', () => {
        const machine = new TxnMachine();
        const made = machine.make(OpCode.create, newSession(1n), (writer) => writeRequest(writer, { type: 'create', path: '/a', data: null, acl: OPEN, flags: 0 }));
        made.entry[made.entry.length - 1] ^= 1;
        assert.throws(() => machine.applyNext(), { name: 'DigestMismatchError', message: /zxid 0x300000001/ });
    });
});
describe('TreeDigest', () => {
    it('adds and subtracts modulo 2^64', () => {
        const step = fc.record({ digest: fc.integer(), adds: fc.boolean() });
        const property = fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.array(step), (start, steps) => {
            const sum = new TreeDigest();
            sum.set(Number(BigInt.asIntN(32, start >> 32n)), Number(BigInt.asIntN(32, start)));
            let expected = start;
            for (const { digest, adds } of steps) {
                if (adds)
                    sum.add(digest);
                else
                    sum.subtract(digest);
                expected += BigInt(digest >>> 0) * (adds ? 1n : -1n);
            }
            const found = (BigInt(sum.high) << 32n) | BigInt(sum.low >>> 0);
            assert.equal(BigInt.asUintN(64, found), BigInt.asUintN(64, expected));
        });
        fc.assert(property, runs(200));
    });
});
