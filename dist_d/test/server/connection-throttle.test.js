import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionThrottle } from '../../src/server/connection-throttle.js';
const options = {
    tokens: 10,
    fillTimeMs: 100,
    fillCount: 2,
    freezeTimeMs: -1,
    dropIncrease: 0.5,
    dropDecrease: 0.25,
    decreaseRatio: 0.5,
    newSessionTokens: 1,
    renewedSessionTokens: 1,
};
function admitted(throttle, tries, nowMs) {
    let count = 0;
    for (let i = 0; i < tries; i++)
        if (throttle.admits(true, nowMs))
            count++;
    return count;
}
test('a bucket of tokens, filled as time goes by, never beyond its size', () => {
    const throttle = new ConnectionThrottle(options, 0, () => 0);
    assert.equal(admitted(throttle, 25, 0), 10);
    assert.equal(throttle.deficit, 10);
    assert.equal(admitted(throttle, 25, 100), 0, 'not within the fill time');
    assert.equal(admitted(throttle, 25, 250), 5, 'two and a half fill times');
    assert.equal(admitted(throttle, 25, 100_000), 10);
});
test('new sessions and old ones have their weights', () => {
    const weighted = { ...options, newSessionTokens: 3, renewedSessionTokens: 2 };
    const throttle = new ConnectionThrottle(weighted, 0, () => 0);
    assert.equal(admitted(throttle, 5, 0), 3);
    assert.equal(throttle.admits(false, 0), false);
    assert.equal(throttle.deficit, 9);
});
test('without tokens nothing is throttled', () => {
    const throttle = new ConnectionThrottle({ ...options, tokens: 0 }, 0, () => 0);
    assert.equal(admitted(throttle, 1000, 0), 1000);
});
test('the chance to be dropped grows while the bucket is empty and falls when it is full enough', () => {
    let drawn = 0.4;
    const throttle = new ConnectionThrottle({ ...options, freezeTimeMs: 10 }, 0, () => drawn);
    assert.equal(admitted(throttle, 20, 0), 10);
    assert.equal(throttle.dropProbability, 0);
    assert.equal(throttle.admits(true, 20), false);
    assert.equal(throttle.dropProbability, 0.5);
    throttle.admits(true, 25);
    assert.equal(throttle.dropProbability, 0.5, 'it changes once in a freeze time');
    drawn = 0.2;
    assert.equal(throttle.admits(true, 1000), false, 'dropped, although there are tokens');
    assert.equal(throttle.dropProbability, 0.25);
    drawn = 0.3;
    assert.equal(throttle.admits(true, 1005), true);
    throttle.admits(true, 1020);
    assert.equal(throttle.dropProbability, 0);
});
