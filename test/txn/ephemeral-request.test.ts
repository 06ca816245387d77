import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { createsEphemeral } from '../../src/txn/ephemeral-request.ts';
import { CreateFlag } from '../../src/txn/txn-layout.ts';
import { type ClientRequest, type MultiOp, OPEN, writeMultiHeader, writeRequest } from './requests.ts';

const EPHEMERAL: ReadonlySet<number> = new Set([CreateFlag.ephemeral, CreateFlag.ephemeralSequential]);

function create(flags: number): MultiOp & { type: 'create' | 'create2' } {
  return { type: 'create', path: '/a', data: Buffer.from('data'), acl: OPEN, flags };
}

/** The body stands somewhere in a larger buffer, as in a ring. */
function asks(opcode: number, write: (writer: GrowingJuteWriter) => void): boolean {
  const writer = new GrowingJuteWriter();
  writer.writeInt(77);
  write(writer);
  const end = writer.position;
  writer.writeInt(-1);
  return createsEphemeral(opcode, writer.written().slice(), 4, end);
}

function asksMulti(...ops: MultiOp[]): boolean {
  const request: ClientRequest = { type: 'multi', ops };
  return asks(OpCode.multi, (writer) => writeRequest(writer, request));
}

test('a create asks for an ephemeral by its flags', () => {
  for (const flags of Object.values(CreateFlag)) {
    for (const opcode of [OpCode.create, OpCode.create2]) {
      assert.equal(
        asks(opcode, (writer) => writeRequest(writer, create(flags))),
        EPHEMERAL.has(flags),
      );
    }
    assert.equal(
      asks(OpCode.createContainer, (writer) => writeRequest(writer, create(flags))),
      false,
    );
  }
});

test('a multi does so when one of its creates does, wherever it stands', () => {
  const others: MultiOp[] = [
    { type: 'check', path: '/a', version: -1 },
    { type: 'setData', path: '/a', data: null, version: 7 },
    { type: 'delete', path: '/a', version: 0 },
    create(CreateFlag.persistentSequential),
  ];
  assert.equal(asksMulti(), false);
  assert.equal(asksMulti(...others), false);
  for (let at = 0; at <= others.length; at++) {
    assert.equal(asksMulti(...others.slice(0, at), create(1), ...others.slice(at)), true);
  }
  assert.equal(asksMulti(create(3), create(0)), true);
});

test('a multi that is refused as a whole asks for nothing, nor does what cannot be read', () => {
  assert.equal(asksMulti(create(1), create(9)), false);
  const unknownType = asks(OpCode.multi, (writer) => {
    writeMultiHeader(writer, OpCode.create, false, -1);
    writeRequest(writer, create(1));
    writeMultiHeader(writer, OpCode.getData, false, -1);
  });
  assert.equal(unknownType, false);
  const whole = new GrowingJuteWriter();
  writeRequest(whole, create(1));
  for (let end = 0; end < whole.position; end++) {
    assert.equal(createsEphemeral(OpCode.create, whole.written(), 0, end), false);
  }
  assert.equal(createsEphemeral(OpCode.create, whole.written(), 0, whole.position), true);
});

test('no other request does', () => {
  for (const opcode of [OpCode.setData, OpCode.delete, OpCode.sync, OpCode.closeSession]) {
    assert.equal(
      asks(opcode, (writer) => writeRequest(writer, create(1))),
      false,
    );
  }
});
