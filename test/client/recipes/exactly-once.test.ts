import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionExpiredError, TimeoutError } from '../../../src/client/index.ts';
import { Counter, PriorityQueue, Queue, uniqueName } from '../../../src/client/recipes/index.ts';
import { bytes, expire, onBothServers, text } from '../../support/client-servers.ts';
import { FaultSchedule } from '../../support/fault-schedule.ts';

onBothServers('recipes: exactly once', {}, (subject) => {
  test('counter: each addition counts once, cuts and a killed server', async () => {
    const faults = new FaultSchedule(subject);
    const path = `${subject.freshPath()}/counter`;
    const sums: bigint[] = [];
    const work = async () => {
      const counter = new Counter((await faults.client()).zk, path);
      for (let i = 0; i < 25; i++) sums.push(await counter.increment());
    };
    await faults.during(Promise.all([work(), work(), work()]));
    const counter = new Counter(await subject.connect(), path);
    assert.equal(await counter.value(), 75n);
    assert.equal(new Set(sums).size, 75, 'no sum is given twice');
    assert.equal(await counter.add(-5), 70n);
    assert.equal(await counter.add(2n ** 70n), 2n ** 70n + 70n);
  });

  test('counter: none yet, and none at all', async () => {
    const zk = await subject.connect();
    assert.equal(await new Counter(zk, `${subject.freshPath()}/none`).value(), 0n);
    const path = await zk.create(subject.freshPath(), bytes('text'));
    await assert.rejects(new Counter(zk, path).value(), /'text' is no whole number/);
  });

  test('queue: each value is taken once, in order; cuts and a killed server', async () => {
    const faults = new FaultSchedule(subject);
    const path = `${subject.freshPath()}/queue`;
    const taken: string[] = [];
    const perConsumer: string[][] = [[], []];
    const produce = async (name: string) => {
      const queue = new Queue((await faults.client()).zk, path);
      for (let i = 0; i < 25; i++) await queue.put(bytes(`${name} ${i}`));
    };
    const consume = async (own: string[]) => {
      const queue = new Queue((await faults.client()).zk, path);
      for (;;) {
        const value = text(await queue.take()) ?? '';
        if (value === 'end') return;
        taken.push(value);
        own.push(value);
      }
    };
    const producers = Promise.all([produce('a'), produce('b')]);
    const consumers = Promise.all(perConsumer.map((own) => consume(own)));
    await faults.during(
      (async () => {
        await producers;
        const queue = new Queue((await faults.client()).zk, path);
        await queue.put(bytes('end'));
        await queue.put(bytes('end'));
        await consumers;
      })(),
    );
    assert.equal(taken.length, 50);
    assert.equal(new Set(taken).size, 50);
    for (const own of perConsumer) {
      for (const name of ['a', 'b']) {
        const numbers = own.filter((value) => value.startsWith(name)).map((value) => Number(value.slice(2)));
        assert.deepEqual(
          numbers,
          [...numbers].sort((x, y) => x - y),
          `consumer sees ${name} in order`,
        );
      }
    }
    assert.equal(await new Queue(await subject.connect(), path).size(), 0);
  });

  test('queue: waiting, polling, giving up, expiring', async () => {
    const [zk, other] = [await subject.connect(), await subject.connect()];
    const path = `${subject.freshPath()}/queue`;
    const [queue, theirs] = [new Queue(zk, path), new Queue(other, path)];
    assert.equal(await queue.poll(), null);
    await assert.rejects(queue.take({ timeoutMs: 60 }), TimeoutError);
    const waiting = queue.take();
    await theirs.put(bytes('late'));
    assert.equal(text(await waiting), 'late');
    for (const value of ['1', '2', '3']) await theirs.put(bytes(value));
    assert.equal(await queue.size(), 3);
    assert.deepEqual(
      [text(await queue.take()), text(await queue.poll()), text(await queue.take())],
      ['1', '2', '3'],
    );
    const rejected = assert.rejects(queue.take(), SessionExpiredError);
    await expire(zk, subject.address);
    await rejected;
  });

  test('priority queue: lower numbers first, then first come, first served; cuts', async () => {
    const faults = new FaultSchedule(subject);
    const path = `${subject.freshPath()}/queue`;
    const queue = new PriorityQueue((await faults.client()).zk, path);
    const put = async () => {
      for (const [value, priority] of [
        ['c1', 20],
        ['a1', 3],
        ['d1', 9999],
        ['b1', 10],
        ['a2', 3],
        ['c2', 20],
      ] as const) {
        await queue.put(bytes(value), priority);
      }
    };
    await faults.during(put());
    const taken: (string | null)[] = [];
    await faults.during(
      (async () => {
        for (let value = await queue.poll(); value !== null; value = await queue.poll())
          taken.push(text(value));
      })(),
    );
    assert.deepEqual(taken, ['a1', 'a2', 'b1', 'c1', 'c2', 'd1']);
    await assert.rejects(queue.put(bytes('x'), 10_000), /a priority is a whole number/);
  });

  test('naming: no name twice, growing; cuts and a killed server', async () => {
    const faults = new FaultSchedule(subject);
    const prefix = `${subject.freshPath()}/ids/order-`;
    const names: string[] = [];
    const work = async () => {
      const { zk } = await faults.client();
      const own: string[] = [];
      for (let i = 0; i < 40; i++) own.push(await uniqueName(zk, prefix));
      assert.deepEqual(own, [...own].sort());
      names.push(...own);
    };
    await faults.during(Promise.all([work(), work()]));
    assert.equal(new Set(names).size, 80);
    assert.match(names[0], /\/ids\/order-\d{10}$/);
  });
});
