import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { createReplicaMemory } from '../../src/replica/memory.js';
import { ContainerManager } from '../../src/server/container-manager.js';
import { CONTAINER_OWNER_HIGH, EphemeralOwners, TTL_OWNER_HIGH } from '../../src/txn/ephemeral-owners.js';
import { createPath, openTree } from '../replica/tree-model.js';
function setUp(deletionsPerMinuteMax) {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    const memoryBytesMax = 16 * 1024 * 1024;
    const tree = openTree(createReplicaMemory({ memoryBytesMax, readersMax: 1, hashSeed: 1 }), memoryBytesMax);
    const owners = new EphemeralOwners();
    const proposed = [];
    const manager = new ContainerManager(tree, owners, {
        checkIntervalMs: 10_000,
        deletionsPerMinuteMax,
        neverUsedIntervalMsMax: 0,
        deleteContainer: (path) => proposed.push(Buffer.from(path).toString()),
        flush: () => { },
    });
    const add = (path, high, low) => {
        const ref = createPath(tree, path, null);
        tree.setEphemeralOwner(ref, high, low);
        tree.setMtime(ref, 0, 1_000_000);
        owners.track(high, low, ref, true);
        return ref;
    };
    /** An empty container that had a child. */
    const addUsed = (path) => tree.setCversion(add(path, CONTAINER_OWNER_HIGH, 0), 1);
    const addTtl = (path, ttlMs) => add(path, TTL_OWNER_HIGH, ttlMs);
    const finish = () => {
        manager.stop();
        mock.timers.reset();
    };
    return { manager, proposed, addUsed, addTtl, finish };
}
describe('ContainerManager', () => {
    test('searches first one interval after the start', () => {
        const { manager, proposed, addUsed, finish } = setUp(10_000);
        addUsed('/c');
        manager.start();
        mock.timers.tick(9_999);
        assert.deepEqual(proposed, []);
        mock.timers.tick(1);
        assert.deepEqual(proposed, ['/c']);
        finish();
    });
    test('proposes no more a minute than allowed', () => {
        const { manager, proposed, addUsed, finish } = setUp(600);
        for (let i = 0; i < 100; i++)
            addUsed(`/c${i}`);
        manager.start();
        mock.timers.tick(10_000);
        assert.equal(proposed.length, 1);
        for (let i = 0; i < 50; i++)
            mock.timers.tick(100);
        assert.equal(proposed.length, 51, 'one each 100 ms');
        for (let i = 0; i < 49; i++)
            mock.timers.tick(100);
        assert.equal(new Set(proposed).size, 100, 'each once');
        finish();
    });
    test('a TTL ends when it is over, not before', () => {
        const { manager, proposed, addTtl, finish } = setUp(10_000);
        addTtl('/at', 10_000);
        addTtl('/before', 9_999);
        manager.start();
        mock.timers.tick(10_000);
        assert.deepEqual(proposed, ['/before']);
        finish();
    });
});
