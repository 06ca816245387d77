import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketBatch } from '../../src/quorum/packet-batch.ts';
import { SendBufferPool } from '../../src/quorum/send-buffer.ts';
import { SnapshotSource } from '../../src/server/snapshot-source.ts';

function sent(batch: PacketBatch): string {
  let text = '';
  batch.forEachSegment(({ buffer, start, end }) => {
    text += buffer.bytes.toString('latin1', start, end);
  });
  return text;
}

test('chunks leave one at a time and in order; the end is told once, though the learner goes afterwards', () => {
  let ends = 0;
  const source = new SnapshotSource([Buffer.from('one,'), Buffer.from('two')], () => ends++);
  const batch = new PacketBatch(new SendBufferPool());
  assert.equal(source.fill(batch), 'more');
  assert.equal(sent(batch), 'one,');
  assert.equal(source.fill(batch), 'more');
  assert.equal(sent(batch), 'one,two');
  assert.equal(ends, 0);
  assert.equal(source.fill(batch), 'end');
  assert.equal(sent(batch), 'one,two');
  assert.equal(ends, 1);
  source.cancel();
  assert.equal(ends, 1);
});

test('no more of the tree is asked for than is sent', () => {
  let made = 0;
  function* chunks(): Generator<Uint8Array> {
    for (;;) {
      made++;
      yield Buffer.from('x');
    }
  }
  const source = new SnapshotSource(chunks(), () => {});
  const batch = new PacketBatch(new SendBufferPool());
  assert.equal(made, 0);
  source.fill(batch);
  source.fill(batch);
  assert.equal(made, 2);
});

test('a learner that is gone ends it once', () => {
  let ends = 0;
  const source = new SnapshotSource([Buffer.from('one'), Buffer.from('two')], () => ends++);
  source.fill(new PacketBatch(new SendBufferPool()));
  source.cancel();
  source.cancel();
  assert.equal(ends, 1);
});
