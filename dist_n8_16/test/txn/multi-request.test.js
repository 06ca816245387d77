import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JuteError, JuteReader } from '../../src/jute/reader.js';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { countMultiOps } from '../../src/txn/multi-request.js';
import { OPEN, writeMultiHeader, writeRequest } from './requests.js';
const OPS = [
    { type: 'create', path: '/a', data: Buffer.from('data'), acl: OPEN, flags: 0 },
    { type: 'create2', path: '/b-', data: null, acl: null, flags: 3 },
    { type: 'setData', path: '/a', data: null, version: 7 },
    { type: 'check', path: '/a', version: -1 },
    { type: 'delete', path: '/a', version: 0 },
];
function bytesOf(write) {
    const writer = new GrowingJuteWriter();
    write(writer);
    return writer.written().slice();
}
function one(type, body) {
    return bytesOf((writer) => {
        writeMultiHeader(writer, type, false, -1);
        body(writer);
        writeMultiHeader(writer, -1, true, -1);
    });
}
function count(bytes) {
    const reader = new JuteReader(bytes);
    const ops = countMultiOps(reader);
    if (ops >= 0)
        assert.equal(reader.remaining, 0);
    return ops;
}
function writeCreate(writer, flags) {
    writeRequest(writer, { type: 'create', path: '/a', data: null, acl: OPEN, flags });
}
describe('countMultiOps', () => {
    it('counts the ops of every allowed kind', () => {
        assert.equal(count(bytesOf((writer) => writeRequest(writer, { type: 'multi', ops: [] }))), 0);
        assert.equal(count(bytesOf((writer) => writeRequest(writer, { type: 'multi', ops: OPS }))), OPS.length);
        assert.equal(count(one(OpCode.createContainer, (writer) => writeCreate(writer, 4))), 1);
        const ttl = one(OpCode.createTTL, (writer) => {
            writeCreate(writer, 5);
            writer.writeLong(1000n);
        });
        assert.equal(count(ttl), 1);
    });
    it('refuses other ops and impossible create flags', () => {
        const refused = [
            OpCode.setACL,
            OpCode.getData,
            OpCode.closeSession,
            OpCode.createSession,
            OpCode.multi,
            -1,
            0,
            99,
        ];
        for (const type of refused)
            assert.equal(count(one(type, (writer) => writer.writeString('/a'))), -1, `${type}`);
        for (const flags of [-1, 7, 100])
            assert.equal(count(one(OpCode.create, (writer) => writeCreate(writer, flags))), -1);
        for (const flags of [0, 6])
            assert.equal(count(one(OpCode.create, (writer) => writeCreate(writer, flags))), 1);
    });
    it('throws where it is cut, wherever that is', () => {
        const whole = bytesOf((writer) => writeRequest(writer, { type: 'multi', ops: OPS }));
        for (let end = 0; end < whole.length; end++) {
            assert.throws(() => countMultiOps(new JuteReader(whole.slice(0, end))), JuteError, `cut at ${end}`);
        }
    });
    it('ends at the header that says so, whatever follows', () => {
        const whole = bytesOf((writer) => writeRequest(writer, { type: 'multi', ops: OPS }));
        const reader = new JuteReader(Buffer.concat([whole, Buffer.from('more')]));
        assert.equal(countMultiOps(reader), OPS.length);
        assert.equal(reader.remaining, 4);
    });
});
