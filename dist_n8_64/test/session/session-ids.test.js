import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { longToBigInt } from '../../src/protocol/long.js';
import { SessionIds } from '../../src/session/session-ids.js';
function next(ids) {
    const { high, low } = ids.next();
    assert.equal(high, high | 0, 'words are int32');
    assert.equal(low, low | 0, 'words are int32');
    return BigInt.asUintN(64, longToBigInt(high, low));
}
function seen(ids, id) {
    ids.seen(Number(BigInt.asIntN(32, id >> 32n)), Number(BigInt.asIntN(32, id)));
}
describe('session ids', () => {
    it('begin with server id and clock, and count up', () => {
        const ids = new SessionIds(1, 0x135f4d0000);
        assert.equal(next(ids), 0x01135f4d00000000n);
        assert.equal(next(ids), 0x01135f4d00000001n);
    });
    it('are ((ms << 24) >>> 8) | (server id << 56), as Apache makes them', () => {
        fc.assert(fc.property(fc.integer({ min: 0, max: 255 }), fc.nat({ max: 2 ** 43 }), (serverId, ms) => {
            fc.pre(ms % 2 ** 40 !== 0);
            const expected = (BigInt.asUintN(64, BigInt(ms) << 24n) >> 8n) | (BigInt(serverId) << 56n);
            assert.equal(next(new SessionIds(serverId, ms)), expected);
        }));
    });
    it('go on above every known id of the same server', () => {
        const ids = new SessionIds(2, 1000);
        const first = next(ids);
        seen(ids, first + 500n);
        assert.equal(next(ids), first + 501n);
        seen(ids, first);
        assert.equal(next(ids), first + 502n, 'an older one changes nothing');
        seen(ids, first | (1n << 60n));
        assert.equal(next(ids), first + 503n, "nor does another server's");
    });
    it('go on above known ids of servers beyond 127, whose ids are negative longs', () => {
        const ids = new SessionIds(200, 1000);
        const first = next(ids);
        seen(ids, first + 9n);
        assert.equal(next(ids), first + 10n);
    });
    it('carry from the low into the high word', () => {
        const ids = new SessionIds(1, 1000);
        seen(ids, 0x01000003ffffffffn);
        seen(ids, 0x01000005ffffffffn);
        assert.equal(next(ids), 0x0100000600000000n);
    });
    it('are never 0, which means a new session, nor the smallest long, which marks containers', () => {
        assert.equal(next(new SessionIds(0, 0)), 1n);
        assert.equal(next(new SessionIds(128, 2 ** 40)), 0x8000000000000001n);
    });
});
