import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PendingChanges } from '../../src/txn/pending-changes.js';
import { dumpTree } from '../storage/test-database.js';
import { ModelRunner } from './model-runner.js';
import { OPEN } from './requests.js';
import { newDatabase } from './txn-machine.js';
const READ = [[1, 'world', 'anyone']];
const MOST = [[30, 'world', 'anyone']];
const SUPER = 2;
function step(action, applies = 0, session = SUPER) {
    return { session, applies, action };
}
function create(path, acl = OPEN, flags = 0) {
    return { type: 'create', path, data: Buffer.from(path), acl, flags };
}
function remove(path) {
    return { type: 'delete', path, version: -1 };
}
function setData(path, text) {
    return { type: 'setData', path, data: Buffer.from(text), version: -1 };
}
/** Fails whatever stands before it in the multi. */
const FAILING = { type: 'check', path: '/nowhere', version: -1 };
describe('PendingChanges', () => {
    // A multi that works on a znode whose ACL list only an outstanding txn holds.
    for (const fails of [false, true]) {
        it(`keeps count of ACL lists over a multi that ${fails ? 'fails' : 'succeeds'}`, () => {
            for (const acls of [
                [MOST],
                [READ],
                [MOST, READ],
                [READ, MOST],
                [READ, MOST, READ],
                [MOST, READ, MOST, OPEN],
            ]) {
                const runner = new ModelRunner();
                runner.step(step(create('/p', READ)));
                const ops = acls.flatMap((acl) => [remove('/p'), create('/p', acl)]);
                runner.step(step({ type: 'multi', ops: fails ? [...ops, FAILING] : ops }));
                runner.step(step({ type: 'setACL', path: '/p', acl: MOST, version: -1 }));
                runner.check();
                runner.clear();
            }
        });
    }
    it('undoes a failed multi: versions, children, digest and ephemerals', () => {
        const runner = new ModelRunner();
        runner.run([
            step(create('/p')),
            step(create('/e', OPEN, 1), 0, 0),
            step(create('/e2', OPEN, 1), 1, 0),
            step(setData('/p', 'once')),
        ]);
        const ops = [
            setData('/p', 'twice'),
            create('/p/child', READ),
            create('/p/s-', OPEN, 3),
            remove('/e'),
            create('/e', MOST, 1),
            remove('/e2'),
            remove('/p/child'),
        ];
        runner.step(step({ type: 'multi', ops: [...ops, FAILING] }, 0, 1));
        // What follows is validated against the restored state.
        runner.step(step({ type: 'setData', path: '/p', data: null, version: 1 }));
        runner.step(step(create('/p/s-', OPEN, 2)));
        assert.ok(runner.model.znodes.has('/p/s-0000000000'));
        runner.closeSession(1);
        runner.closeSession(0);
        assert.ok(!runner.model.znodes.has('/e') && !runner.model.znodes.has('/e2'));
        runner.check();
        runner.clear();
    });
    it('undoes a multi that turns out too large for its window', () => {
        const runner = new ModelRunner({ entryBytesMax: 600 });
        runner.step(step(create('/p')));
        runner.check();
        const before = dumpTree(runner.machine.tree);
        const { machine } = runner;
        const ops = Array.from({ length: 20 }, (_, i) => create(`/p/${i}-`, READ, 2));
        assert.throws(() => runner.step(step({ type: 'multi', ops })));
        const failed = machine.outstanding[0];
        assert.equal(failed.error, -5);
        assert.equal(failed.entry.length, 36);
        machine.applyAll();
        assert.deepEqual(dumpTree(machine.tree), before);
        assert.equal(machine.prep.outstandingChanges, 0);
        assert.equal(machine.tree.statistics().aclLists, 1);
    });
    it('gives records back when the last txn that touched them is applied', () => {
        const runner = new ModelRunner();
        runner.machine.applyAll();
        const { prep } = runner.machine;
        const steps = [create('/a'), create('/a/b'), setData('/a', 'x'), remove('/a/b'), create('/c', OPEN, 2)];
        const outstanding = [];
        const fresh = new ModelRunner();
        fresh.check();
        for (const action of steps) {
            fresh.step(step(action));
            outstanding.push(fresh.machine.prep.outstandingChanges);
        }
        // The root and /a; then /a/b; nothing new; nothing new; /c0000000001.
        assert.deepEqual(outstanding, [2, 3, 3, 3, 4]);
        const left = [];
        for (let i = 0; i < steps.length; i++) {
            fresh.applyNext();
            left.push(fresh.machine.prep.outstandingChanges);
        }
        // The root and /a are touched again later.
        assert.deepEqual(left, [4, 4, 4, 2, 0]);
        assert.equal(prep.outstandingChanges, 0);
    });
    it('lets a znode that was only looked at go with its txn', () => {
        const { tree } = newDatabase();
        const changes = new PendingChanges(tree);
        changes.beginTxn(1, false);
        const root = changes.find(Buffer.from('/'), 0, 1);
        assert.equal(root, changes.find(new Uint8Array(0), 0, 0) === null ? null : root);
        changes.endTxn();
        assert.equal(changes.outstanding, 0);
        changes.beginTxn(2, false);
        assert.equal(changes.find(Buffer.from('/none'), 0, 5), null);
        changes.endTxn();
        changes.applied(1);
        assert.equal(changes.outstanding, 0);
    });
    it('keeps its list of touched records short under a long run that is never quite applied', () => {
        const runner = new ModelRunner();
        runner.step(step(create('/p')));
        for (let i = 0; i < 6000; i++) {
            runner.machine.make(5, runner.sessions[SUPER], (writer) => {
                writer.writeString('/p');
                writer.writeBuffer(null);
                writer.writeInt(-1);
            });
            runner.machine.applyNext();
        }
        runner.machine.applyAll();
        assert.equal(runner.machine.prep.outstandingChanges, 0);
        const ref = runner.machine.tree.find(Buffer.from('/p'), 0, 2);
        assert.equal(runner.machine.tree.version(ref), 6000);
    });
});
