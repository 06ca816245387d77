import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreInputs } from '../../src/server/core-inputs.ts';
import type { LogAppender } from '../../src/server/log-appender.ts';
import { MemberHistory, type MemberHistoryParts } from '../../src/server/member-history.ts';
import type { TxnCache } from '../../src/server/txn-cache.ts';
import type { History } from '../../src/zab/history.ts';
import type { QuorumPeer } from '../../src/zab/quorum-peer.ts';
import { Zxid } from '../../src/zab/zxid.ts';

/** A leader of epoch 2 with a txn that is queued and not shown yet; `time` is what the core does when it is told the time. */
class QueuedTxn {
  readonly lines: string[] = [];
  readonly history: MemberHistory;
  isLeading = true;
  readonly #appender = {
    hasUnpublished: true,
    lastProposed: new Zxid(2, 7),
    lastPublished: new Zxid(2, 6),
    publish: () => {
      if (this.#appender.hasUnpublished) this.lines.push('to the disk');
      this.#appender.hasUnpublished = false;
    },
    forgetUnpublished: () => {
      this.#appender.hasUnpublished = false;
      this.lines.push('forgotten');
    },
  };

  constructor(time: (leader: QueuedTxn) => void) {
    const isLeading = () => this.isLeading;
    const peer = {
      get isLeading() {
        return isLeading();
      },
      get role() {
        return isLeading() ? { kind: 'leading', epoch: 2 } : { kind: 'looking' };
      },
      durable: () => {},
      proposed: () => {
        assert.ok(this.isLeading);
        this.lines.push('proposed');
      },
    };
    const parts: Partial<MemberHistoryParts> = {
      acceptedEpoch: 2,
      currentEpoch: 2,
      peer: peer as unknown as QuorumPeer,
      inputs: { openTurn: () => time(this) } as unknown as CoreInputs,
      appender: this.#appender as unknown as LogAppender,
      history: { lastEpoch: 2, lastCounter: 6, last: 0x2_0000_0006n } as unknown as History,
      cache: { truncate: () => {} } as unknown as TxnCache,
      onProposed: () => {},
    };
    this.history = new MemberHistory(parts as MemberHistoryParts);
  }

  leadNoMore(): void {
    this.isLeading = false;
    this.history.forgetUnproposed();
  }
}

test("a leader's txn goes to the disk and to the core", () => {
  const leader = new QueuedTxn(() => {});
  leader.history.publish();
  assert.deepEqual(leader.lines, ['to the disk', 'proposed']);
});

test('a leader that stood still leads no more: what it had queued is shown to nobody', () => {
  // The process was stopped for longer than syncLimit; the first thing that it does then is what clients had asked for.
  const leader = new QueuedTxn((one) => one.leadNoMore());
  leader.history.publish();
  assert.deepEqual(leader.lines, ['forgotten']);
});

test('with nothing queued the core is not told anything: the end of a turn leads to the next one', () => {
  const leader = new QueuedTxn((one) => one.lines.push('time'));
  leader.history.publish();
  leader.history.publish();
  assert.deepEqual(leader.lines, ['time', 'to the disk', 'proposed']);
});
