import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ChildrenCache, childNamesBytes, writeChildNames } from '../../src/connection/children-cache.js';
import { JuteReader } from '../../src/jute/reader.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { DataTreeReader } from '../../src/replica/data-tree-reader.js';
import { OPEN, writeRequest } from '../txn/requests.js';
import { newSession, TxnMachine } from '../txn/txn-machine.js';
function namesIn(bytes) {
    const reader = new JuteReader(bytes);
    const names = Array.from({ length: reader.readCount(4) }, () => reader.readString() ?? '');
    assert.equal(reader.remaining, 0);
    return names.sort();
}
function create(path) {
    return { type: 'create', path, data: null, acl: OPEN, flags: 0 };
}
function remove(path) {
    return { type: 'delete', path, version: -1 };
}
describe('ChildrenCache', () => {
    it('is never stale, over any changes, also where a znode takes the place of another', () => {
        const parent = fc.constantFrom('/a', '/b', '/c');
        const action = fc.oneof({ weight: 4, arbitrary: fc.record({ parent, child: fc.nat(12), removes: fc.boolean() }) }, {
            weight: 1,
            arbitrary: fc.record({ replaced: parent, count: fc.integer({ min: 0, max: 12 }), as: parent }),
        }, { weight: 4, arbitrary: fc.record({ asked: parent }) });
        const property = fc.property(fc.array(action, { minLength: 20, maxLength: 80 }), fc.nat(3), (actions, entriesMax) => {
            const machine = new TxnMachine();
            const session = newSession(1n);
            const cache = new ChildrenCache(new DataTreeReader(machine.tree.memory), entriesMax);
            const model = new Map();
            const run = (ops) => {
                machine.run(OpCode.multi, session, (writer) => writeRequest(writer, { type: 'multi', ops }));
            };
            const fill = (path, count) => {
                const children = Array.from({ length: count }, (_, i) => `child${i}`);
                model.set(path, new Set(children));
                return [create(path), ...children.map((name) => create(`${path}/${name}`))];
            };
            for (const path of ['/a', '/b', '/c'])
                run(fill(path, 10));
            for (const each of actions) {
                if ('child' in each) {
                    const children = model.get(each.parent);
                    const name = `child${each.child}`;
                    if (children === undefined || children.has(name) !== each.removes)
                        continue;
                    run([each.removes ? remove(`${each.parent}/${name}`) : create(`${each.parent}/${name}`)]);
                    if (each.removes)
                        children.delete(name);
                    else
                        children.add(name);
                }
                else if ('replaced' in each) {
                    const children = [...(model.get(each.replaced) ?? [])];
                    const ops = children.map((name) => remove(`${each.replaced}/${name}`));
                    if (model.delete(each.replaced))
                        ops.push(remove(each.replaced));
                    if (!model.has(each.as))
                        ops.push(...fill(each.as, each.count));
                    run(ops);
                }
                else {
                    const children = model.get(each.asked);
                    const ref = machine.tree.find(Buffer.from(each.asked), 0, 2);
                    assert.equal(ref !== 0, children !== undefined);
                    if (children === undefined)
                        continue;
                    const names = cache.names(ref);
                    assert.equal(names !== null, entriesMax > 0 && children.size >= 8);
                    if (names !== null)
                        assert.deepEqual(namesIn(names), [...children].sort());
                }
            }
        });
        fc.assert(property, { numRuns: 100 });
    });
    it('finds an unchanged list again, and forgets the oldest', () => {
        const machine = new TxnMachine();
        const session = newSession(1n);
        for (const path of ['/a', '/b', '/c']) {
            const ops = [create(path), ...Array.from({ length: 8 }, (_, i) => create(`${path}/${i}`))];
            machine.run(OpCode.multi, session, (writer) => writeRequest(writer, { type: 'multi', ops }));
        }
        const refs = ['/a', '/b', '/c'].map((path) => machine.tree.find(Buffer.from(path), 0, 2));
        const cache = new ChildrenCache(machine.tree, 2);
        const first = cache.names(refs[0]);
        assert.ok(first);
        assert.equal(cache.names(refs[0]), first);
        cache.names(refs[1]);
        assert.equal(cache.names(refs[0]), first);
        cache.names(refs[2]);
        assert.notEqual(cache.names(refs[0]), first);
        assert.deepEqual(cache.names(refs[0]), first);
    });
    it('leaves long lists to whoever asks', () => {
        const machine = new TxnMachine();
        const session = newSession(1n);
        machine.run(OpCode.create, session, (writer) => writeRequest(writer, create('/a')));
        for (let i = 0; i < 40; i++) {
            machine.run(OpCode.create, session, (writer) => writeRequest(writer, create(`/a/${i}${'x'.repeat(2000)}`)));
        }
        const ref = machine.tree.find(Buffer.from('/a'), 0, 2);
        assert.equal(new ChildrenCache(machine.tree, 100).names(ref), null);
        const bytes = new Uint8Array(childNamesBytes(machine.tree, ref));
        writeChildNames(machine.tree, ref, bytes, new DataView(bytes.buffer), 0);
        assert.equal(namesIn(bytes).length, 40);
    });
});
