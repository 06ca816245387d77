import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../../src/client/errors.ts';
import { FrameReader } from '../../src/client/frame-reader.ts';

test('frames come out as they went in, wherever reads cut them', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
  fc.assert(
    fc.property(
      frames,
      fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 9 }),
      (sent, cuts) => {
        const stream = Buffer.concat(sent.flatMap((frame) => [lengthOf(frame.length), frame]));
        const got: number[][] = [];
        const reader = new FrameReader(64, (bytes, start, end) => got.push([...bytes.subarray(start, end)]));
        // One buffer for every read, as the socket has it: what is kept must have been copied.
        const input = Buffer.alloc(32);
        for (let at = 0, i = 0; at < stream.length; i++) {
          const length = Math.min(cuts[i % cuts.length], stream.length - at);
          input.fill(0xee);
          stream.copy(input, 0, at, at + length);
          reader.push(input, length);
          at += length;
        }
        assert.deepEqual(
          got,
          sent.map((frame) => [...frame]),
        );
      },
    ),
  );
});

test('what is no frame is told by its first bytes', () => {
  const cases: [Buffer, RegExp][] = [
    [Buffer.from('HTTP/1.1 400 Bad Request\r\n'), /answers with HTTP \('HTTP\/1.1 400 Bad Request'\)/],
    [Buffer.from('SSH-2.0-OpenSSH\r\n'), /answers with text \('SSH-2.0-OpenSSH'\)/],
    [Buffer.from([0x15, 3, 1, 0, 2, 2, 70]), /the port wants TLS/],
    [lengthOf(-1), /frame of -1 bytes/],
    [lengthOf(1025), /frame of 1025 bytes, at most 1024/],
  ];
  for (const [bytes, reason] of cases) {
    const reader = new FrameReader(1024, () => assert.fail('no frame'));
    assert.throws(
      () => reader.push(bytes, bytes.length),
      (error) => error instanceof ProtocolError && reason.test(error.message),
    );
  }
});

function lengthOf(length: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeInt32BE(length);
  return word;
}
