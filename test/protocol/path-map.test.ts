import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type PathEntry, PathMap } from '../../src/protocol/path-map.ts';

class Entry implements PathEntry {
  readonly text: string;
  readonly hash: number;
  readonly path: Uint8Array | string;
  readonly pathLength: number;
  nextInBucket: this | null = null;

  constructor(text: string) {
    this.text = text;
    this.hash = poorHash(Buffer.from(text));
    // Room behind the path: only pathLength counts.
    const path = Buffer.from(`${text}???`);
    this.path = text.length % 2 === 0 ? path : path.toString('latin1');
    this.pathLength = Buffer.byteLength(text);
  }
}

/** So poor that most paths collide. */
function poorHash(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 0) % 3;
}

function find(map: PathMap<Entry>, text: string): Entry | null {
  const bytes = Buffer.from(`<${text}>`);
  const length = bytes.length - 2;
  return map.find(poorHash(bytes.subarray(1, 1 + length)), bytes, 1, length);
}

const anyPath = fc
  .array(fc.constantFrom('/a', '/b', '/é'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join(''));
const anyStep = fc.record({ path: anyPath, isInsert: fc.boolean() });

describe('a map by paths', () => {
  it('holds what a map by strings would hold', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 100 }), (steps) => {
        const map = new PathMap<Entry>();
        const model = new Map<string, Entry>();
        for (const { path, isInsert } of steps) {
          const known = model.get(path);
          if (known === undefined && isInsert) {
            const entry = new Entry(path);
            map.insert(entry);
            model.set(path, entry);
          } else if (known !== undefined && !isInsert) {
            map.remove(known);
            model.delete(path);
          }
          assert.equal(find(map, path), model.get(path) ?? null);
        }
        assert.equal(map.size, model.size);
        for (const [path, entry] of model) assert.equal(find(map, path), entry);
      }),
    );
  });

  it('tells paths apart that begin alike', () => {
    const map = new PathMap<Entry>();
    const entry = new Entry('/abc');
    map.insert(entry);
    assert.equal(map.find(entry.hash, Buffer.from('/abcd'), 0, 5), null);
    assert.equal(map.find(entry.hash, Buffer.from('/ab'), 0, 3), null);
    assert.equal(map.find(entry.hash, Buffer.from('/abd'), 0, 4), null);
    assert.equal(map.find(entry.hash, Buffer.from('/abc'), 0, 4), entry);
  });

  it('refuses to remove what it does not hold', () => {
    const map = new PathMap<Entry>();
    assert.throws(() => map.remove(new Entry('/a')), /not in the map/);
    map.insert(new Entry('/a'));
    assert.throws(() => map.remove(new Entry('/a')), /not in the map/);
    assert.equal(map.size, 1);
  });
});
