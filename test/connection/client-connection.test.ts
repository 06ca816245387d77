import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fakeConnection } from './fake-connection.ts';

describe('ClientConnection', () => {
  it('knows the least, the most and the mean time of its answers, until they are forgotten', () => {
    const { connection } = fakeConnection();
    connection.recordAnswers(0.25, 1000.5);
    connection.recordAnswers(2, 1001.5, 3);
    connection.recordAnswers(0.75, 1002.5);
    const { latencyMinUs, latencyMaxUs, latencySumUs, latencyCount } = connection;
    assert.deepEqual([latencyMinUs, latencyMaxUs, latencySumUs, latencyCount], [250, 2000, 7000, 5]);
    assert.deepEqual([connection.lastLatencyUs, connection.lastResponseMs], [750, 1002.5]);
    connection.resetStatistics();
    connection.recordAnswers(4, 1003.5);
    assert.deepEqual(
      [connection.latencyMinUs, connection.latencyMaxUs, connection.latencySumUs],
      [4000, 4000, 4000],
    );
  });

  it('keeps input in order, however it comes and goes', () => {
    const action = fc.record({ adds: fc.nat(3000), takes: fc.nat(3000), offset: fc.nat(5) });
    const property = fc.property(fc.array(action, { maxLength: 50 }), (actions) => {
      const { connection } = fakeConnection();
      let written = 0;
      let read = 0;
      for (const { adds, takes, offset } of actions) {
        const bytes = Uint8Array.from({ length: offset + adds + 2 }, (_, i) => written + i - offset);
        connection.keepInput(bytes, offset, offset + adds);
        written += adds;
        const taken = Math.min(takes, connection.inputBytes);
        for (let i = 0; i < taken; i++) {
          assert.equal(connection.input[connection.inputStart + i], read++ & 0xff);
        }
        connection.inputStart += taken;
        if (connection.inputBytes === 0) connection.forgetInput();
        assert.equal(connection.inputBytes, written - read);
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('gives large memory back when all is processed, and keeps small memory', () => {
    const { connection } = fakeConnection();
    connection.keepInput(new Uint8Array(2000), 0, 2000);
    connection.forgetInput();
    assert.ok(connection.input.length >= 2000);
    connection.keepInput(new Uint8Array(1 << 20), 0, 1 << 20);
    connection.forgetInput();
    assert.equal(connection.input.length, 0);
  });

  it('knows of each outstanding request when it came, oldest first', () => {
    const { connection } = fakeConnection();
    for (let round = 0; round < 3; round++) {
      let asked = 0;
      let answered = 0;
      for (let i = 0; i < 5000; i++) {
        connection.requestForwarded(asked++);
        if (i % 3 !== 0) assert.equal(connection.requestAnswered(), answered++);
        assert.equal(connection.outstanding, asked - answered);
      }
      assert.ok((connection.receivedAtMs?.length ?? 0) < 5000, 'the list does not grow for ever');
      while (connection.outstanding > 0) assert.equal(connection.requestAnswered(), answered++);
      assert.equal(answered, asked);
    }
  });
});
