import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distinctPaths } from '../../src/connection/watch-summary.js';
function counts(...hashes) {
    return { connections: 1, watches: hashes.length / 2, pathHashes: Int32Array.from(hashes) };
}
test('a path that several workers watch counts once', () => {
    assert.equal(distinctPaths([counts(1, 100_000, -2, 200_000)]), 2);
    assert.equal(distinctPaths([counts(1, 100_000, -2, 200_000), counts(-2, 200_000), counts()]), 2);
    assert.equal(distinctPaths([counts(1, 100_000), counts(1, 300_000)]), 2, 'alike in one hash only');
    assert.equal(distinctPaths([]), 0);
});
