import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CommittedLog } from '../../src/server/committed-log.ts';
import { highOf, lowOf, toZxid } from '../storage/support.ts';

interface Kept {
  readonly zxid: bigint;
  readonly entry: string;
}

function append(log: CommittedLog, zxid: bigint, entry: Uint8Array): void {
  // In the middle of memory, as in the ring.
  const bytes = new Uint8Array(new SharedArrayBuffer(entry.length + 9));
  bytes.set(entry, 5);
  log.append(bytes, 5, entry.length, highOf(zxid), lowOf(zxid));
}

function read(log: CommittedLog, after: bigint, upTo: bigint): Kept[] {
  const found: Kept[] = [];
  log.forEach(highOf(after), lowOf(after), highOf(upTo), lowOf(upTo), (bytes, start, length, high, low) =>
    found.push({
      zxid: toZxid(high, low),
      entry: Buffer.from(bytes.slice(start, start + length)).toString('hex'),
    }),
  );
  return found;
}

function floorOf(log: CommittedLog): bigint {
  return toZxid(log.floorHigh, log.floorLow);
}

function lastOf(log: CommittedLog): bigint {
  return toZxid(log.lastHigh, log.lastLow);
}

describe('the committed log', () => {
  it('keeps the newest txns, up to its number and its bytes, without a hole', () => {
    const step = fc.record({
      length: fc.oneof(fc.nat(40), fc.nat(130)),
      newEpoch: fc.constantFrom(false, false, false, true),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 100 }),
        (steps, txnsMax, bytesMax) => {
          const log = new CommittedLog(txnsMax, bytesMax, 3, 7);
          const all: Kept[] = [{ zxid: 0x3_0000_0007n, entry: '' }];
          for (const [i, { length, newEpoch }] of steps.entries()) {
            const { zxid: last } = all[all.length - 1];
            const zxid = newEpoch ? ((last >> 32n) + 1n) * 0x1_0000_0000n + 1n : last + 1n;
            const entry = Buffer.alloc(length, i + 1);
            append(log, zxid, entry);
            all.push({ zxid, entry: entry.toString('hex') });

            assert.equal(lastOf(log), zxid);
            assert.ok(log.length <= txnsMax);
            const first = all.length - log.length;
            assert.equal(floorOf(log), all[first - 1].zxid);
            const kept = all.slice(first);
            assert.ok(kept.reduce((sum, each) => sum + each.entry.length / 2, 0) <= bytesMax);
            assert.deepEqual(read(log, floorOf(log), zxid), kept);
            const middle = all[first - 1 + (i % (log.length + 1))];
            assert.deepEqual(
              read(log, middle.zxid, zxid),
              kept.filter((each) => each.zxid > middle.zxid),
            );
            assert.deepEqual(
              read(log, floorOf(log), middle.zxid),
              kept.filter((each) => each.zxid <= middle.zxid),
            );
            // Half of the room is never wasted: an entry lies in one piece.
            if (length <= bytesMax / 2) assert.ok(log.length >= 1);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is emptied by a txn that does not fit, and goes on behind it', () => {
    const log = new CommittedLog(10, 100, 0, 0);
    append(log, 1n, Buffer.alloc(50));
    append(log, 2n, Buffer.alloc(101));
    assert.deepEqual([log.length, floorOf(log), lastOf(log)], [0, 2n, 2n]);
    append(log, 3n, Buffer.alloc(100, 1));
    assert.deepEqual(
      read(log, 2n, 3n).map(({ zxid }) => zxid),
      [3n],
    );
  });

  it('refuses what it does not have, and what does not come next', () => {
    const log = new CommittedLog(2, 1000, 0, 0);
    for (const zxid of [1n, 2n, 3n, 0x1_0000_0001n]) append(log, zxid, Buffer.alloc(4));
    assert.equal(floorOf(log), 2n);
    assert.throws(
      () => read(log, 1n, 3n),
      /0x1 is not among those kept, which begin behind 0x2 and end with 0x100000001/,
    );
    assert.throws(() => read(log, 4n, 0x1_0000_0001n), /0x4 is not among/);
    assert.throws(() => read(log, 3n, 0x1_0000_0002n), /0x100000002 is not among/);
    assert.throws(() => append(log, 0x1_0000_0001n, Buffer.alloc(4)), /is committed after/);
    log.reset(5, 9);
    assert.deepEqual([log.length, floorOf(log)], [0, 0x5_0000_0009n]);
    assert.deepEqual(read(log, 0x5_0000_0009n, 0x5_0000_0009n), []);
    append(log, 0x5_0000_000an, Buffer.alloc(4));
    assert.equal(log.length, 1);
  });
});
