import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ReplicaFullError } from '../../src/replica/data-tree.ts';
import { NO_ZNODE, OPEN_ACL } from '../../src/replica/data-tree-reader.ts';
import { createReplicaMemory } from '../../src/replica/memory.ts';
import { aclOf, createPath, findPath, type OpenDataTree, openTree, TreeModel } from './tree-model.ts';

interface Step {
  readonly kind: 'create' | 'delete' | 'setData' | 'setAcl' | 'quarantine' | 'clear';
  readonly pick: number;
  readonly name: string;
  readonly dataLength: number;
  readonly acl: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    {
      weight: 80,
      arbitrary: fc.constantFrom<Step['kind'][]>(
        ...(['create', 'create', 'create', 'delete', 'delete', 'setData', 'setAcl', 'quarantine'] as const),
      ),
    },
    { weight: 1, arbitrary: fc.constant<Step['kind']>('clear') },
  ),
  pick: fc.nat(),
  name: fc.oneof(
    fc.stringMatching(/^[ab]{1,3}$/),
    fc.constant('Knoten-ü'),
    fc.stringMatching(/^[a-z]{40,90}$/),
  ),
  dataLength: fc.oneof(
    fc.integer({ min: -1, max: 100 }),
    fc.integer({ min: -1, max: 5000 }),
    fc.integer({ min: 0, max: 300_000 }),
  ),
  acl: fc.nat(5),
});

function serialisedAcl(number: number): Buffer {
  return Buffer.alloc(20 + number * 30, number + 1);
}

/** Runs steps against tree and model alike; a step that does not fit in memory must change nothing. */
class Run {
  readonly tree: OpenDataTree;
  model: TreeModel;
  refused = 0;
  #stamp = 0;
  #quarantines = 0;

  constructor(tree: OpenDataTree) {
    this.tree = tree;
    this.model = new TreeModel(aclOf(tree, tree.root));
  }

  take(step: Step): void {
    const paths = [...this.model.znodes.keys()];
    const path = paths[step.pick % paths.length];
    const data = step.dataLength < 0 ? null : Buffer.alloc(step.dataLength, ++this.#stamp);
    try {
      this.#dispatch(step, path, data);
    } catch (error) {
      if (!(error instanceof ReplicaFullError)) throw error;
      this.refused++;
    }
  }

  #dispatch(step: Step, path: string, data: Buffer | null): void {
    const { tree, model } = this;
    const ref = findPath(tree, path);
    switch (step.kind) {
      case 'create':
        this.#create(path, step, data);
        return;
      case 'delete':
        if (path === '/' || model.znodes.get(path)!.children.length > 0) return;
        tree.deleteZnode(ref);
        assert.equal(findPath(tree, path), NO_ZNODE);
        model.delete(path);
        return;
      case 'setData':
        tree.setData(ref, data ?? Buffer.alloc(0), 0, step.dataLength);
        model.znodes.get(path)!.data = data;
        return;
      case 'setAcl': {
        const acl = serialisedAcl(step.acl);
        tree.setAcl(ref, tree.internAcl(acl, 0, acl.length));
        model.znodes.get(path)!.acl = acl;
        return;
      }
      case 'quarantine':
        this.#toggleQuarantine();
        return;
      case 'clear':
        tree.clear();
        this.model = new TreeModel(aclOf(tree, tree.root));
        return;
    }
  }

  #create(parentPath: string, step: Step, data: Buffer | null): void {
    const { tree, model } = this;
    const path = `${parentPath === '/' ? '' : parentPath}/${step.name}`;
    if (model.znodes.has(path)) return;
    const acl = serialisedAcl(step.acl);
    const aclRef = tree.internAcl(acl, 0, acl.length);
    try {
      createPath(tree, path, data, aclRef, this.#stamp);
    } catch (error) {
      tree.releaseAcl(aclRef);
      throw error;
    }
    model.create(path, data, acl, this.#stamp);
  }

  #toggleQuarantine(): void {
    if (this.#quarantines > 0) this.tree.endQuarantine();
    else this.tree.beginQuarantine();
    this.#quarantines = 1 - this.#quarantines;
  }

  get isQuarantined(): boolean {
    return this.#quarantines > 0;
  }

  /** Deletes everything below the root and takes back all that the run has put in. */
  empty(): void {
    const deepestFirst = [...this.model.znodes.keys()].sort((a, b) => b.length - a.length);
    for (const path of deepestFirst) if (path !== '/') this.tree.deleteZnode(findPath(this.tree, path));
    this.tree.setData(this.tree.root, Buffer.alloc(0), 0, 0);
    this.tree.setAcl(this.tree.root, OPEN_ACL);
    if (this.#quarantines > 0) this.tree.endQuarantine();
  }
}

function checkRuns(hashesMax: number, segmentBytes: number): void {
  let refused = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 250, size: 'max' }), (steps) => {
      const options = { memoryBytesMax: 1_000_000, readersMax: 1, hashSeed: 5, segmentBytes };
      const tree = openTree(createReplicaMemory(options), options.memoryBytesMax, hashesMax);
      const fresh = { statistics: tree.statistics(), blocks: tree.checkAllocator() };
      const run = new Run(tree);
      for (const step of steps) run.take(step);
      run.model.check(tree);
      tree.checkAllocator();
      refused += run.refused;

      run.empty();
      assert.deepEqual(tree.checkAllocator(), fresh.blocks);
      // The index keeps the buckets that it has opened.
      const { freeBytes, largestFreeBytes, aclLists, znodes, quarantinedBytes } = tree.statistics();
      assert.deepEqual(
        { ...fresh.statistics, freeBytes, largestFreeBytes, aclLists, znodes, quarantinedBytes },
        fresh.statistics,
      );

      const again = new Run(tree);
      for (const step of steps) again.take(step);
      tree.clear();
      if (again.isQuarantined) tree.endQuarantine();
      assert.deepEqual(tree.checkAllocator(), fresh.blocks);
      assert.deepEqual(tree.statistics(), fresh.statistics);
      const third = new Run(tree);
      for (const step of steps) third.take(step);
      third.model.check(tree);
      assert.equal(third.refused, run.refused);
    }),
    { seed: 77, numRuns: 40 },
  );
  assert.ok(refused > 0, 'the budget was never reached');
}

describe('DataTree against a model', () => {
  it('holds what was put in, refuses what does not fit without a trace, and leaks nothing', () => {
    checkRuns(0, 512 * 1024);
  });

  it('does so in many small segments and with nearly all hashes alike', () => {
    checkRuns(3, 64 * 1024);
  });
});
