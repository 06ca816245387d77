import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue } from './event-queue.ts';
import { type ConnectionEnd, Network, type NetworkHost } from './network.ts';
import { SimRandom } from './random.ts';

class Host implements NetworkHost {
  readonly name: string;
  isUp = true;
  isPaused = false;
  readonly received: unknown[] = [];
  readonly closed: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  accept(end: ConnectionEnd): boolean {
    this.listen(end);
    return true;
  }

  listen(end: ConnectionEnd): void {
    end.onMessage = (message) => this.received.push(message);
    end.onClose = (reason) => this.closed.push(reason);
  }
}

function connected(seed = 1): { queue: EventQueue; network: Network; a: Host; b: Host; end: ConnectionEnd } {
  const queue = new EventQueue();
  const network = new Network(queue, new SimRandom(seed), {
    delayMeanMs: 5,
    connectTimeoutMs: 100,
    noticeMsMax: 50,
  });
  const [a, b] = [new Host('a'), new Host('b')];
  let end: ConnectionEnd | null = null;
  network.dial(a, b, 'port', (dialled) => {
    end = dialled;
  });
  queue.runUntil(200);
  assert.ok(end !== null);
  a.listen(end);
  return { queue, network, a, b, end };
}

test('messages arrive in order, whatever each of them takes', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { queue, b, end } = connected(seed);
    for (let i = 0; i < 20; i++) end.send(i);
    end.close('done');
    queue.runUntil(10_000);
    assert.deepEqual(
      b.received,
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.deepEqual(b.closed, ['done']);
  }
});

test('a cut in one direction holds back what goes that way, and nothing else', () => {
  const { queue, network, a, b, end } = connected();
  network.cut(a, b);
  end.send('there');
  end.peer.send('back');
  queue.runUntil(5_000);
  assert.deepEqual([a.received, b.received], [['back'], []]);
  network.healAll();
  queue.runUntil(5_100);
  assert.deepEqual(b.received, ['there']);
});

test('a broken connection loses what is under way, and both sides notice', () => {
  const { queue, network, a, b, end } = connected();
  end.send('lost');
  network.break(end);
  queue.runUntil(5_000);
  assert.deepEqual([b.received, a.closed.length, b.closed.length], [[], 1, 1]);
});

test('what arrives at a process that stands still waits for it', () => {
  const { queue, network, b, end } = connected();
  b.isPaused = true;
  end.send('later');
  queue.runUntil(5_000);
  assert.deepEqual(b.received, []);
  b.isPaused = false;
  network.processResumed(b);
  queue.runUntil(5_100);
  assert.deepEqual(b.received, ['later']);
});

test('a process that dies closes its connections behind what it sent; without power nobody closes them', () => {
  for (const hasPower of [true, false]) {
    const { queue, network, a, b, end } = connected();
    end.send('last words');
    a.isUp = false;
    network.processDied(a, hasPower);
    queue.runUntil(5_000);
    assert.deepEqual(b.received, hasPower ? ['last words'] : []);
    assert.equal(b.closed.length, 1);
    let refusal = '';
    network.dial(b, a, 'port', (_, reason) => {
      refusal = reason;
    });
    queue.runUntil(10_000);
    assert.equal(refusal, 'a refuses');
  }
});
