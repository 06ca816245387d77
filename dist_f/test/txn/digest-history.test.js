import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DigestHistory } from '../../src/txn/digest-history.js';
test('every 128th zxid is kept', () => {
    const history = new DigestHistory();
    for (let zxid = 1; zxid <= 400; zxid++)
        history.record(7, zxid, zxid, -zxid);
    assert.deepEqual(history.entries(), [
        { zxidHigh: 7, zxidLow: 128, digestHigh: 128, digestLow: -128 },
        { zxidHigh: 7, zxidLow: 256, digestHigh: 256, digestLow: -256 },
        { zxidHigh: 7, zxidLow: 384, digestHigh: 384, digestLow: -384 },
    ]);
});
test('the last 1024 are kept, oldest first', () => {
    const history = new DigestHistory();
    for (let n = 1; n <= 1500; n++)
        history.record(0, n * 128, 0, n);
    const kept = history.entries().map(({ digestLow }) => digestLow);
    assert.equal(kept.length, 1024);
    assert.equal(kept[0], 1500 - 1023);
    assert.equal(kept.at(-1), 1500);
});
