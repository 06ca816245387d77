import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../src/zab/history.ts';
import { LocalState, NO_DATABASE } from '../../src/zab/local-state.ts';
import { zxidOf } from '../../src/zab/zxid.ts';

function newState(options: { last?: bigint; accepted?: number; current?: number; isValid?: boolean } = {}) {
  const { last = zxidOf(1, 5), accepted = 1, current = 1, isValid = true } = options;
  const lines: string[] = [];
  const history = new History(isValid ? last : 0n);
  const state = new LocalState({
    history,
    acceptedEpoch: accepted,
    currentEpoch: current,
    isDatabaseValid: isValid,
    output: {
      storeAcceptedEpoch: (epoch) => lines.push(`acceptedEpoch ${epoch}`),
      storeCurrentEpoch: (epoch) => lines.push(`currentEpoch ${epoch}`),
      append: (epoch, counter) => lines.push(`append ${epoch}:${counter}`),
      truncate: (connection, zxid) => lines.push(`truncate ${connection} ${zxid.toString(16)}`),
      receiveSnapshot: (connection, zxid) => lines.push(`snapshot ${connection} ${zxid.toString(16)}`),
      commit: (epoch, counter) => lines.push(`commit ${epoch}:${counter}`),
    },
  });
  return { state, history, take: () => lines.splice(0) };
}

test('what recovery found must go together', () => {
  assert.throws(() => newState({ accepted: 1, current: 2 }), /acceptedEpoch 1 is older than currentEpoch 2/);
  assert.throws(() => newState({ accepted: 1, last: zxidOf(2, 1) }), /the log, which ends at 0x200000001/);
});

test('all that the log holds counts as committed after recovery', () => {
  const { state } = newState();
  assert.equal(state.lastCommitted, zxidOf(1, 5));
  assert.equal(state.lastLogged, zxidOf(1, 5));
});

test('a log that ends in an epoch which was not entered: it is entered', () => {
  const { state, take } = newState({ accepted: 3, current: 1, last: zxidOf(2, 4) });
  state.completeRecovery();
  assert.deepEqual(take(), ['currentEpoch 2']);
  assert.equal(state.currentEpoch, 2);
});

test('epochs only rise, currentEpoch not beyond acceptedEpoch', () => {
  const { state, take } = newState({ accepted: 2 });
  assert.throws(() => state.acceptEpoch(2), /acceptedEpoch 2 cannot become 2/);
  assert.throws(() => state.enterEpoch(3), /currentEpoch 1 cannot become 3/);
  assert.throws(() => state.enterEpoch(0), /currentEpoch 1 cannot become 0/);
  state.enterEpoch(2);
  state.enterEpoch(2);
  assert.deepEqual(take(), ['currentEpoch 2']);
});

test('a txn of an epoch that was not entered, or with a gap, is not logged', () => {
  const { state, take } = newState({ accepted: 2 });
  assert.throws(() => state.append(2, 1), /cannot be logged/);
  assert.throws(() => state.append(1, 7), /do not follow/);
  state.append(1, 6);
  assert.deepEqual(take(), ['append 1:6']);
});

test('commits go forward, and not beyond the log', () => {
  const { state, take } = newState();
  state.append(1, 6);
  state.append(1, 7);
  state.commit(1, 6);
  state.commit(1, 6);
  state.commit(1, 4);
  assert.throws(() => state.commit(1, 8), /must be in the log/);
  assert.throws(() => state.commit(2, 1), /must be in the log/);
  assert.deepEqual(take(), ['append 1:6', 'append 1:7', 'commit 1:6']);
  assert.equal(state.lastCommitted, zxidOf(1, 6));
});

test('cut behind what is committed: only the log gets shorter', () => {
  const { state } = newState();
  state.append(1, 6);
  state.truncate(9, zxidOf(1, 5));
  assert.ok(state.isReplacing);
  assert.throws(() => state.append(1, 7), /cannot be logged now/);
  assert.throws(() => state.truncate(9, zxidOf(1, 5)), /being replaced already/);
  assert.throws(() => state.replaced(8, zxidOf(1, 5)), /nothing was being replaced for connection 8/);
  assert.equal(state.replaced(9, zxidOf(1, 5)), true);
  assert.equal(state.lastLogged, zxidOf(1, 5));
  assert.equal(state.lastCommitted, zxidOf(1, 5));
});

test('cut into what was applied: the commit index goes back with it', () => {
  const { state } = newState();
  state.truncate(9, zxidOf(1, 3));
  assert.equal(state.replaced(9, zxidOf(1, 3)), true);
  assert.equal(state.lastCommitted, zxidOf(1, 3));
  state.append(1, 4);
  assert.equal(state.lastLogged, zxidOf(1, 4));
});

test('a log that could not be cut where it was asked for', () => {
  const { state } = newState();
  state.truncate(9, zxidOf(1, 3));
  assert.equal(state.replaced(9, zxidOf(1, 2)), false);
  assert.equal(state.lastLogged, zxidOf(1, 2));
  assert.equal(state.lastCommitted, zxidOf(1, 2));
});

test('the start of an epoch is no txn: the log ends before it', () => {
  const { state } = newState({ accepted: 2, current: 2 });
  state.append(2, 1);
  state.truncate(9, zxidOf(2, 0));
  assert.equal(state.replaced(9, zxidOf(1, 5)), true);
  assert.equal(state.lastLogged, zxidOf(1, 5));
});

test('a snapshot replaces everything, also when it is older', () => {
  for (const last of [zxidOf(1, 9), zxidOf(1, 2)]) {
    const { state } = newState();
    state.receiveSnapshot(9, last);
    assert.equal(state.replaced(9, last), true);
    assert.equal(state.lastLogged, last);
    assert.equal(state.lastCommitted, last);
  }
});

test('a snapshot that broke off leaves no database; one that did not begin changes nothing', () => {
  const { state } = newState();
  state.receiveSnapshot(9, zxidOf(1, 9));
  assert.equal(state.replaced(9, zxidOf(1, 5)), false);
  assert.equal(state.lastLogged, zxidOf(1, 5));
  state.receiveSnapshot(10, zxidOf(1, 9));
  assert.equal(state.replaced(10, NO_DATABASE), false);
  assert.equal(state.lastLogged, NO_DATABASE);
  assert.equal(state.lastCommitted, NO_DATABASE);
  assert.throws(() => state.append(1, 6), /cannot be logged now/);
  state.receiveSnapshot(11, zxidOf(1, 9));
  assert.equal(state.replaced(11, zxidOf(1, 9)), true);
  assert.equal(state.lastLogged, zxidOf(1, 9));
  state.receiveSnapshot(12, zxidOf(1, 12));
  assert.throws(() => state.replaced(12, zxidOf(1, 11)), /ended at 0x10000000b/);
});

test('a server without a database starts without one', () => {
  const { state, take } = newState({ isValid: false });
  state.completeRecovery();
  assert.equal(state.lastLogged, NO_DATABASE);
  assert.deepEqual(take(), []);
});
