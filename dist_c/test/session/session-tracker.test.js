import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SessionLimitError, SessionTracker, touchTableBytes, } from '../../src/session/session-tracker.js';
const TICK_MS = 2000;
const SESSIONS_MAX = 100;
/** Clock readings to begin from: the touch table holds them in 32 bits, signed. */
const STARTS_MS = [0, 1, 1999, 2 ** 31 - 5001, 2 ** 32 - 5001, 2 ** 33 + 7, 40 * 365 * 24 * 3600 * 1000];
function makeTracker(nowMs, sessionsMax = SESSIONS_MAX) {
    const touchTable = new Int32Array(new SharedArrayBuffer(touchTableBytes(sessionsMax)));
    return { touchTable, tracker: new SessionTracker({ tickTimeMs: TICK_MS, sessionsMax, touchTable }, nowMs) };
}
/** protocol/client.md §2. */
function expiryByTheBook(heardMs, timeoutMs) {
    return (Math.floor((Math.floor(heardMs) + timeoutMs) / TICK_MS) + 1) * TICK_MS;
}
describe('a session tracker', () => {
    it('knows its sessions by id', () => {
        const { tracker } = makeTracker(0);
        const session = tracker.add(1, -1, 4000, 0);
        assert.equal(tracker.get(1, -1), session);
        assert.equal(tracker.get(1, 1), undefined);
        assert.equal(tracker.size, 1);
        assert.deepEqual([...tracker.values()], [session]);
        assert.equal(session.connection, null);
        assert.equal(session.isClosing, false);
        tracker.remove(session);
        assert.equal(tracker.get(1, -1), undefined);
        assert.equal(tracker.size, 0);
    });
    it('expires a silent session at its tick, not before, and once', () => {
        for (const startMs of STARTS_MS) {
            for (const timeoutMs of [1, 1999, 2000, 4000, 4001, 40_000]) {
                const { tracker } = makeTracker(startMs);
                const session = tracker.add(1, 1, timeoutMs, startMs);
                const dueMs = expiryByTheBook(startMs, timeoutMs);
                assert.deepEqual(tracker.takeExpired(dueMs - 1), [], `${timeoutMs} ms from ${startMs}`);
                assert.deepEqual(tracker.takeExpired(dueMs), [session], `${timeoutMs} ms from ${startMs}`);
                assert.deepEqual(tracker.takeExpired(dueMs + 100_000), []);
            }
        }
    });
    it('goes by what another thread last wrote into the touch table', () => {
        for (const startMs of STARTS_MS) {
            const { tracker, touchTable } = makeTracker(startMs);
            const session = tracker.add(1, 1, 4000, startMs);
            let heardMs = startMs;
            for (let i = 0; i < 20; i++) {
                heardMs += 3990;
                assert.deepEqual(tracker.takeExpired(heardMs), [], `at ${heardMs}`);
                Atomics.store(touchTable, session.slot, heardMs | 0);
            }
            const dueMs = expiryByTheBook(heardMs, 4000);
            assert.deepEqual(tracker.takeExpired(dueMs - 1), []);
            assert.deepEqual(tracker.takeExpired(dueMs), [session]);
        }
    });
    it('gives a session that was heard of at the end of its time the rest of the next tick, as ZooKeeper does', () => {
        const { tracker, touchTable } = makeTracker(0);
        const session = tracker.add(1, 1, 4000, 0);
        Atomics.store(touchTable, session.slot, 2000);
        assert.deepEqual(tracker.takeExpired(6000), [], 'due at 8000');
        assert.deepEqual(tracker.takeExpired(7999), []);
        assert.deepEqual(tracker.takeExpired(8000), [session]);
    });
    it('expires a session by the timeout that its connection negotiated last', () => {
        const { tracker } = makeTracker(0);
        const shortened = tracker.add(1, 1, 40_000, 0);
        const lengthened = tracker.add(1, 2, 4000, 0);
        shortened.connectionTimeoutMs = 4000;
        tracker.touch(shortened, 1000);
        lengthened.connectionTimeoutMs = 40_000;
        tracker.touch(lengthened, 1000);
        assert.deepEqual(tracker.takeExpired(5999), []);
        assert.deepEqual(tracker.takeExpired(6000), [shortened]);
        assert.deepEqual(tracker.takeExpired(41_999), []);
        assert.deepEqual(tracker.takeExpired(42_000), [lengthened]);
    });
    it('gives everybody a full timeout after a standstill', () => {
        const { tracker } = makeTracker(0);
        const session = tracker.add(1, 1, 4000, 0);
        tracker.touchAll(100_000);
        assert.deepEqual(tracker.takeExpired(100_000), []);
        assert.deepEqual(tracker.takeExpired(expiryByTheBook(100_000, 4000) - 1), []);
        assert.deepEqual(tracker.takeExpired(expiryByTheBook(100_000, 4000)), [session]);
    });
    it('does not lose sessions whose time is over before they come', () => {
        for (const timeoutMs of [0, -1, -100_000]) {
            const { tracker } = makeTracker(50_000);
            tracker.takeExpired(50_000);
            const session = tracker.add(1, 1, timeoutMs, 50_000);
            assert.deepEqual(tracker.takeExpired(52_000), [session], `timeout ${timeoutMs}`);
        }
    });
    it('does not expire what was removed', () => {
        const { tracker } = makeTracker(0);
        const session = tracker.add(1, 1, 4000, 0);
        tracker.remove(session);
        assert.deepEqual(tracker.takeExpired(100_000), []);
    });
    it('refuses sessions beyond its limit, and uses slots again', () => {
        const { tracker } = makeTracker(0, 3);
        const sessions = [1, 2, 3].map((low) => tracker.add(0, low, 4000, 0));
        assert.deepEqual(sessions.map(({ slot }) => slot).sort(), [0, 1, 2]);
        assert.throws(() => tracker.add(0, 4, 4000, 0), SessionLimitError);
        assert.throws(() => tracker.add(0, 4, 4000, 0), /menagerie\.sessionsMax=3/);
        assert.equal(tracker.size, 3);
        tracker.remove(sessions[1]);
        tracker.remove(sessions[1]);
        const next = tracker.add(0, 5, 4000, 0);
        assert.equal(next.slot, sessions[1].slot);
        assert.throws(() => tracker.add(0, 6, 4000, 0), SessionLimitError, 'a slot that was freed twice is one slot');
    });
    it('does not take the touch of a slot’s earlier session for the new one’s', () => {
        const { tracker } = makeTracker(0, 1);
        const old = tracker.add(0, 1, 4000, 0);
        tracker.touch(old, 1_000_000);
        tracker.remove(old);
        const session = tracker.add(0, 2, 4000, 0);
        assert.deepEqual(tracker.takeExpired(6000), [session]);
    });
    it('expires every session when a plain list of deadlines says so', () => {
        const anyStep = fc.oneof({ weight: 3, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.nat(3000) }) }, { weight: 3, arbitrary: fc.record({ kind: fc.constant('hear'), index: fc.nat(20) }) }, { weight: 2, arbitrary: fc.record({ kind: fc.constant('add'), timeoutMs: fc.nat(12_000) }) }, { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), index: fc.nat(20) }) }, {
            weight: 1,
            arbitrary: fc.record({
                kind: fc.constant('attach'),
                index: fc.nat(20),
                timeoutMs: fc.nat(12_000),
            }),
        }, { weight: 3, arbitrary: fc.record({ kind: fc.constant('check') }) });
        fc.assert(fc.property(fc.constantFrom(...STARTS_MS), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.array(anyStep, { maxLength: 80, size: 'max' }), (startMs, fraction, steps) => {
            let nowMs = startMs + fraction;
            let nextId = 1;
            const { tracker, touchTable } = makeTracker(nowMs);
            const open = [];
            for (const step of steps) {
                const known = 'index' in step && open.length > 0 ? open[step.index % open.length] : null;
                switch (step.kind) {
                    case 'pass':
                        nowMs += step.ms;
                        break;
                    case 'add': {
                        const session = tracker.add(7, nextId++, step.timeoutMs, nowMs);
                        open.push({ session, dueMs: expiryByTheBook(nowMs, step.timeoutMs) });
                        break;
                    }
                    case 'hear':
                        if (known === null)
                            break;
                        Atomics.store(touchTable, known.session.slot, nowMs | 0);
                        known.dueMs = expiryByTheBook(nowMs, known.session.connectionTimeoutMs);
                        break;
                    case 'attach':
                        if (known === null)
                            break;
                        known.session.connectionTimeoutMs = step.timeoutMs;
                        tracker.touch(known.session, nowMs);
                        known.dueMs = expiryByTheBook(nowMs, step.timeoutMs);
                        break;
                    case 'remove':
                        if (known === null)
                            break;
                        tracker.remove(known.session);
                        open.splice(open.indexOf(known), 1);
                        break;
                    case 'check': {
                        const due = open.filter(({ dueMs }) => dueMs <= nowMs).map(({ session }) => session.idLow);
                        const taken = tracker.takeExpired(nowMs);
                        assert.deepEqual(taken.map(({ idLow }) => idLow).sort(), due.sort());
                        for (const session of taken) {
                            tracker.remove(session);
                            open.splice(open.findIndex((one) => one.session === session), 1);
                        }
                        break;
                    }
                }
            }
            assert.equal(tracker.size, open.length);
        }), { numRuns: 1000 });
    });
});
