import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { QuotaText } from '../../src/txn/quota-text.js';
describe('QuotaText', () => {
    const texts = [
        // [text, [count, bytes, countHardLimit, byteHardLimit], as written]
        ['', [-1, -1, -1, -1], 'count=-1,bytes=-1'],
        ['count=5,bytes=7', [5, 7, -1, -1], 'count=5,bytes=7'],
        [
            'count=5,bytes=-1=;byteHardLimit=8;countHardLimit=3',
            [5, -1, 3, 8],
            'count=5,bytes=-1=;byteHardLimit=8;countHardLimit=3',
        ],
        [
            'countHardLimit=3;bytes=1,;,count=2;byteHardLimit=',
            [2, 1, 3, -1],
            'count=2,bytes=1=;byteHardLimit=-1;countHardLimit=3',
        ],
        ['count=5,bytes=7=;other=9', [5, 7, -1, -1], 'count=5,bytes=7=;other=9'],
        ['count=many,bytes', [-1, -1, -1, -1], 'count=-1,bytes=-1'],
    ];
    for (const [text, [count, bytes, countHardLimit, byteHardLimit], written] of texts) {
        test(JSON.stringify(text), () => {
            const quota = new QuotaText(text);
            assert.deepEqual([quota.count, quota.bytes, quota.countHardLimit, quota.byteHardLimit], [count, bytes, countHardLimit, byteHardLimit]);
            assert.equal(quota.toString(), written);
        });
    }
    test('set keeps the other keys', () => {
        const quota = new QuotaText('count=1,bytes=2=;countHardLimit=3');
        quota.set(10, 20);
        assert.equal(quota.toString(), 'count=10,bytes=20=;countHardLimit=3');
    });
});
