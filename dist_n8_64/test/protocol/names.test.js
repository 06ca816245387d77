import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode, errorName } from '../../src/protocol/error-code.js';
import { OpCode, opName } from '../../src/protocol/opcode.js';
describe('names in messages', () => {
    it('are those of the protocol', () => {
        assert.equal(errorName(ErrorCode.NONODE), 'NONODE');
        assert.equal(errorName(0), 'OK');
        assert.equal(errorName(-999), 'error -999');
        assert.equal(opName(OpCode.getChildren2), 'getChildren2');
        assert.equal(opName(-11), 'closeSession');
        assert.equal(opName(77), 'op 77');
    });
    it('belong to one number each', () => {
        for (const codes of [Object.values(ErrorCode), Object.values(OpCode)]) {
            assert.equal(new Set(codes).size, codes.length);
        }
    });
});
