import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BadVersionError,
  NodeExistsError,
  SessionExpiredError,
  TimeoutError,
} from '../../../src/client/index.ts';
import { Barrier, ConfigValue, DoubleBarrier, Group, jsonCodec } from '../../../src/client/recipes/index.ts';
import { bytes, expire, onBothServers, stateOf, text, until } from '../../support/client-servers.ts';
import { FaultSchedule } from '../../support/fault-schedule.ts';
import { delay } from '../../support/server-process.ts';

interface Settings {
  readonly generation: number;
}
const codec = jsonCodec<Settings>(
  (value): value is Settings => typeof (value as Settings | null)?.generation === 'number',
);

onBothServers(
  'recipes: barriers, configuration, groups',
  { config: ['tickTime=200', 'minSessionTimeout=400'] },
  (subject) => {
    test('barrier: waits while it is up, over cuts', async () => {
      const proxy = await subject.proxy();
      const [zk, other] = [await subject.connect({ address: proxy.address }), await subject.connect()];
      const path = `${subject.freshPath()}/barrier`;
      const [barrier, theirs] = [new Barrier(zk, path), new Barrier(other, path)];
      await barrier.wait();
      await theirs.raise();
      await theirs.raise();
      await assert.rejects(barrier.wait({ timeoutMs: 60 }), TimeoutError);
      let isThrough = false;
      const waiting = barrier.wait().then(() => {
        isThrough = true;
      });
      proxy.refuse();
      await stateOf(zk, 'suspended');
      await theirs.lift();
      proxy.pass();
      await waiting;
      assert.ok(isThrough);
      await theirs.raise();
      const rejected = assert.rejects(barrier.wait(), SessionExpiredError);
      await expire(zk, subject.address);
      await rejected;
      await theirs.lift();
    });

    test('double barrier: all begin together and end together, round after round; cuts and a killed server', async () => {
      const faults = new FaultSchedule(subject);
      const path = `${subject.freshPath()}/double`;
      const count = 4;
      const [entering, inside] = [new Array<number>(6).fill(0), new Array<number>(6).fill(0)];
      const take = async (name: string) => {
        const { zk } = await faults.client();
        const barrier = new DoubleBarrier(zk, path, count, name);
        for (let round = 0; round < 6; round++) {
          await delay(faults.draws.below(10));
          entering[round]++;
          await barrier.enter();
          assert.equal(entering[round], count, `round ${round}: began before all were here`);
          inside[round]++;
          await delay(faults.draws.below(10));
          inside[round]--;
          await barrier.leave();
          assert.equal(inside[round], 0, `round ${round}: ended before all had`);
        }
      };
      await faults.during(Promise.all(Array.from({ length: count }, (_, i) => take(`p${i}`))));
    });

    test('double barrier: who gives up or expires does not count', async () => {
      const [a, b, c] = [await subject.connect(), await subject.connect(), await subject.connect()];
      const path = `${subject.freshPath()}/double`;
      await assert.rejects(new DoubleBarrier(a, path, 2).enter({ timeoutMs: 60 }), TimeoutError);
      await until('it stood back', async () => (await a.getChildren(path)).length === 0);
      const rejected = assert.rejects(new DoubleBarrier(b, path, 2, 'b').enter(), SessionExpiredError);
      await until('b waits', async () => (await a.getChildren(path)).length === 1);
      await expire(b, subject.address);
      await rejected;
      const [one, two] = [new DoubleBarrier(a, path, 2, 'a'), new DoubleBarrier(c, path, 2, 'c')];
      let entered = 0;
      const first = one.enter().then(() => entered++);
      await until('a waits', async () => (await a.getChildren(path)).length === 1);
      assert.equal(entered, 0);
      await Promise.all([first, two.enter()]);
      let isOut = false;
      const leaving = one.leave().then(() => {
        isOut = true;
      });
      await a.sync();
      await a.getChildren(path);
      assert.equal(isOut, false);
      // The other dies inside: it has left; and the next round waits for two all the same.
      await c.close();
      await leaving;
      await assert.rejects(one.enter({ timeoutMs: 100 }), TimeoutError);
      await assert.rejects(one.leave(), /has not entered/);
      assert.throws(() => new DoubleBarrier(a, path, 0), /count must be/);
    });

    test('configuration: follows changes, never back in time, and catches up; cuts and a killed server', async () => {
      const faults = new FaultSchedule(subject);
      const { zk } = await faults.client();
      const writer = await faults.client();
      const path = `${subject.freshPath()}/settings`;
      const config = await ConfigValue.open(zk, path, codec);
      assert.equal(config.value, undefined);
      const seen: number[] = [];
      config.on('changed', (value) => seen.push(value?.generation ?? -1));
      const theirs = await ConfigValue.open(writer.zk, path, codec);
      await faults.during(
        (async () => {
          for (let generation = 1; generation <= 40; ) {
            // Whether it happened or not: the same generation once more does no harm.
            const done = await theirs.set({ generation }).then(
              () => true,
              () => false,
            );
            if (done) generation++;
            await delay(5);
          }
        })(),
      );
      await until('the newest value is here', () => config.value?.generation === 40);
      assert.deepEqual(
        seen,
        [...seen].sort((a, b) => a - b),
      );
    });

    test('configuration: versions, other shapes, a znode that goes, the end', async () => {
      const [zk, other] = [await subject.connect(), await subject.connect()];
      const path = `${subject.freshPath()}/settings`;
      const config = await ConfigValue.open(zk, path, codec);
      const [invalid, changed]: [string[], (number | undefined)[]] = [[], []];
      config.on('invalid', (error) => invalid.push(error.message));
      config.on('changed', (value) => changed.push(value?.generation));
      await config.set({ generation: 1 });
      await until('1 is here', () => config.value?.generation === 1);
      await config.set({ generation: 2 }, config.version);
      await assert.rejects(config.set({ generation: 3 }, 0), BadVersionError);
      await until('2 is here', () => config.value?.generation === 2);
      await other.setData(path, bytes('no JSON'));
      await until('it is told', () => invalid.length === 1);
      assert.equal(config.value?.generation, 2);
      await other.setData(path, bytes('{"generation": "x"}'));
      await until('it is told', () => invalid.length === 2);
      await other.delete(path);
      await until('it is gone', () => config.value === undefined);
      await other.create(path, bytes('{"generation": 7}'));
      await until('it is back', () => config.value?.generation === 7);
      assert.deepEqual(changed, [1, 2, undefined, 7]);
      const ended = new Promise<void>((resolve) => config.once('ended', resolve));
      await expire(zk, subject.address);
      await ended;
      assert.equal(config.value?.generation, 7);
    });

    test('group: members come and go, over cuts; the end of a session is told', async () => {
      const faults = new FaultSchedule(subject);
      const [one, two] = [await faults.client(), await faults.client()];
      const path = `${subject.freshPath()}/group`;
      const [a, b] = [await Group.open(one.zk, path), await Group.open(two.zk, path)];
      await faults.during(
        (async () => {
          for (let i = 0; i < 15; i++) {
            await a.join('a', bytes(`${i}`));
            await b.join('b');
            await until('both see both', () => a.members.join() === 'a,b' && b.members.join() === 'a,b');
            assert.equal(text(await b.dataOf('a')), `${i}`);
            await a.leave('a');
            await until('the other sees it', () => b.members.join() === 'b');
            await b.leave('b');
          }
        })(),
      );
      await b.join('b');
      await assert.rejects(a.join('b'), NodeExistsError);
      const ended = new Promise<void>((resolve) => b.once('ended', resolve));
      await expire(two.zk, subject.address);
      await ended;
      await until('the other sees it go', () => a.members.length === 0);
      await a.close();
      await b.close();
    });
  },
);
