import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { paddingBefore } from '../../src/ring/data-alignment.ts';

function setData(pathLength: number, dataLength: number): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeString(`/${'p'.repeat(pathLength - 1)}`);
  writer.writeBuffer(new Uint8Array(dataLength));
  writer.writeInt(-1);
  return writer.written().slice();
}

test('data begins 4 bytes behind a multiple of 8, wherever the record and however long the path', () => {
  for (let pathLength = 1; pathLength < 20; pathLength++) {
    const body = setData(pathLength, 300);
    for (let at = 1000; at < 1016; at++) {
      const padding = paddingBefore(at, OpCode.setData, body, 0, body.length);
      assert.ok(padding >= 0 && padding <= 7);
      assert.equal((at + padding + 4 + pathLength + 4) % 8, 4);
    }
  }
});

test('what is short or has no data goes where it comes', () => {
  const body = setData(9, 300);
  assert.equal(paddingBefore(1001, OpCode.delete, body, 0, body.length), 0);
  const short = setData(9, 30);
  assert.equal(paddingBefore(1001, OpCode.setData, short, 0, short.length), 0);
});
