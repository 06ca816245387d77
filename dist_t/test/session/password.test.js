import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSessionPassword, PASSWORD_BYTES, sessionPassword } from '../../src/session/password.js';
/** protocol/client.md §2. */
const vectors = [
    [0x0100000000000001n, '054cc74a37327db215e702e20c73f005'],
    [0x1234567890abcdefn, 'f7721b383fd583ba74d220ede39f7b43'],
    [0xffffffffffffffffn, '20f62cb5648dc2d771471c8a2486a9ee'],
];
function hex(bytes) {
    return Buffer.from(bytes).toString('hex');
}
describe('a session password', () => {
    it('is what java.util.Random gives', () => {
        for (const [id, password] of vectors) {
            assert.equal(hex(sessionPassword(id)), password);
            assert.equal(hex(sessionPassword(BigInt.asIntN(64, id))), password, 'ids may be given signed');
        }
        assert.equal(sessionPassword(5n).length, PASSWORD_BYTES);
    });
    it('depends on the low 48 bits of the id only, as with Apache', () => {
        assert.equal(hex(sessionPassword(0x0300000000000001n)), vectors[0][1]);
    });
    it('opens its session and no other', () => {
        const password = sessionPassword(7n);
        assert.ok(isSessionPassword(7n, password));
        assert.equal(isSessionPassword(8n, password), false);
        assert.equal(isSessionPassword(7n, password.slice(0, 15)), false);
        assert.equal(isSessionPassword(7n, Buffer.concat([password, Buffer.alloc(1)])), false);
        assert.equal(isSessionPassword(7n, new Uint8Array(0)), false);
        assert.equal(isSessionPassword(7n, new Uint8Array(16)), false);
    });
    it('does not exist for session 0', () => {
        assert.equal(isSessionPassword(0n, sessionPassword(0n)), false);
        assert.equal(isSessionPassword(0n, new Uint8Array(16)), false);
    });
});
