import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../support/client-servers.ts';
import { conformance, type Subject } from '../support/conformance.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { random } from '../support/random.ts';
import { delay } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { encode, text } from '../support/wire-records.ts';

const TLS_CLIENT_HELLO = Buffer.from(
  '16030100a5010000a10303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20e0e1e2e3e4e5e6e7e8e9eaebecedee',
  'hex',
);

/** A ConnectRequest's body, to be spoilt. */
const connectRequest = encode((writer) => {
  writer.writeInt(0);
  writer.writeLong(0n);
  writer.writeInt(10_000);
  writer.writeLong(0n);
  writer.writeBuffer(new Uint8Array(16));
  writer.writeBoolean(false);
});

function int(value: number): Uint8Array {
  return encode((writer) => writer.writeInt(value));
}

/**
 * A client that writes and reads all the while, beside whatever the tests do to the server: `check` fails when any of
 * its requests failed, or when it did not get on.
 */
class HealthyClient {
  readonly #client: WireClient;
  readonly #path: string;
  #done = 0;
  #isStopped = false;
  #work: Promise<void> = Promise.resolve();
  #failure: unknown = null;

  private constructor(client: WireClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  static async start(subject: Subject): Promise<HealthyClient> {
    const client = await WireClient.connect({ port: subject.port });
    const path = subject.freshPath();
    ok(await client.create(path));
    const healthy = new HealthyClient(client, path);
    healthy.#work = healthy.#run().catch((error) => {
      healthy.#failure = error;
    });
    return healthy;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const value = text(String(this.#done));
      const [, read] = await Promise.all([
        this.#client.setData(this.#path, value),
        this.#client.getData(this.#path),
      ]);
      assert.deepEqual(Buffer.from(ok(read).data!), Buffer.from(value));
      this.#done += 1;
      await delay(1);
    }
  }

  /** Resolves when five more rounds are done. */
  async check(): Promise<void> {
    const goal = this.#done + 5;
    while (this.#done < goal && this.#failure === null) await delay(1);
    if (this.#failure) throw this.#failure;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
    await this.#client.leave();
    if (this.#failure) throw this.#failure;
  }
}

const config = ['nio.sessionlessCnxnTimeout=1500', '4lw.commands.whitelist=ruok'];

conformance('bad input', { config }, (subject) => {
  let healthy: HealthyClient;
  /** Addresses of clients that were closed for what they sent. */
  const refused: string[] = [];
  before(async () => {
    healthy = await HealthyClient.start(subject);
  });
  after(async () => await healthy.stop());

  /** What closes a connection that has no session yet. */
  const beforeConnect: [string, Uint8Array][] = [
    ['a negative length', int(-1)],
    ['the lowest length', int(-2_147_483_648)],
    ['a length of one more than jute.maxbuffer', int(0xfffff + 1)],
    ['the highest length', int(0x7fffffff)],
    ['an empty frame', int(0)],
    [
      'a ConnectRequest cut short, in a frame as short',
      encode((w) => w.writeBuffer(connectRequest.subarray(0, 20))),
    ],
    [
      'a ConnectRequest with a password of negative length',
      encode((w) => w.writeBuffer(Buffer.concat([connectRequest.subarray(0, 24), int(-7)]))),
    ],
    [
      'a ConnectRequest with a password longer than the frame',
      encode((w) =>
        w.writeBuffer(Buffer.concat([connectRequest.subarray(0, 24), int(17), new Uint8Array(16)])),
      ),
    ],
    ['an HTTP request', text('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a TLS hello', TLS_CLIENT_HELLO],
    ['an SSH greeting', text('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a frame of garbage', encode((w) => w.writeBuffer(new Uint8Array(10).fill(0xee)))],
  ];
  for (const [name, bytes] of beforeConnect) {
    test(`${name} as the first bytes: closed without a reply`, async () => {
      const client = await subject.open();
      const address = client.localAddress;
      client.sendRaw(bytes);
      await client.waitForClose();
      assert.deepEqual(client.log, []);
      assert.equal(client.hasSession, false);
      await healthy.check();
      refused.push(address);
    });
  }

  test('a request before the ConnectRequest gets no answer, and no session', async () => {
    const client = await subject.open();
    client.sendFrame(
      encode((writer) => {
        writer.writeInt(1);
        writer.writeInt(4);
        writer.writeString('/zookeeper');
        writer.writeBoolean(false);
      }),
    );
    await client.waitForClose();
    assert.deepEqual(client.log, []);
    await healthy.check();
  });

  const within: [string, Uint8Array][] = [
    ['a negative length', int(-5)],
    ['a length beyond jute.maxbuffer', int(0xfffff + 1)],
    ['a frame too short for a header', encode((w) => w.writeBuffer(new Uint8Array(7)))],
    ['an empty frame', int(0)],
    ['a four-letter word: the length of a packet, too long', text('ruok')],
  ];
  for (const [name, bytes] of within) {
    test(`${name} in a session: the connection is closed, the session lives on`, async () => {
      const client = await subject.connect();
      const address = client.localAddress;
      const path = subject.freshPath();
      ok(await client.create(path, text('kept')));
      client.sendRaw(bytes);
      await client.waitForClose();
      const { sessionId, password } = client.session;
      const back = await subject.connect({ sessionId, password });
      assert.equal(back.session.sessionId, sessionId);
      ok(await back.exists(path));
      await healthy.check();
      refused.push(address);
    });
  }

  test('the log names who was refused and why, or counts those whom it leaves out', async () => {
    // What Apache logs is not our affair.
    if (subject.server.kind === 'apache') return;
    const told = () => {
      const { output } = subject.server;
      const named = refused.filter((address) => output.includes(`${address}: closed: `)).length;
      const counted = [...output.matchAll(/(\d+) more such lines/g)].reduce(
        (sum, match) => sum + Number(match[1]),
        0,
      );
      return { named, counted };
    };
    for (const deadline = Date.now() + 15_000; Date.now() < deadline; await delay(50)) {
      const { named, counted } = told();
      if (named > 0 && named + counted >= refused.length) return;
    }
    assert.fail(`${refused.length} were refused, the log tells of ${JSON.stringify(told())}`);
  });

  test('the longest frame that is allowed is taken', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    const around = 8 + 4 + path.length + 4 + 4;
    const data = new Uint8Array(0xfffff - around).fill(1);
    assert.equal(ok(await client.setData(path, data)).dataLength, data.length);
    const longer = client.setData(path, new Uint8Array(data.length + 1));
    await assert.rejects(longer, /connection closed|ECONNRESET|EPIPE/);
    const other = await subject.connect();
    assert.equal(ok(await other.exists(path)).dataLength, data.length);
  });

  test('connections that say nothing, or half a frame, are closed in time', async () => {
    const silent = await subject.open();
    const half = await subject.open();
    half.sendRaw(Buffer.concat([int(45), connectRequest.subarray(0, 10)]));
    const trickle = await subject.open();
    trickle.sendRaw(int(45).subarray(0, 3));
    await Promise.all([silent.waitForClose(), half.waitForClose(), trickle.waitForClose()]);
    await healthy.check();
  });

  test('a client that shuts its sending side down is closed, after whatever of its requests was done', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    client.create(path);
    client.endSending();
    await client.waitForClose();
    await healthy.check();
  });

  test('a client that is reset in the midst of a pipeline leaves no harm', async () => {
    const path = subject.freshPath();
    for (let i = 0; i < 20; i++) {
      const client = await subject.connect();
      client.batch(() => {
        for (let n = 0; n < 50; n++) client.create(`${path}-${i}-${n}`);
      });
      await client.reset();
    }
    await healthy.check();
  });

  test('random bytes behind a good length, in a session', async (t) => {
    const draw = random();
    t.diagnostic(`seed ${draw.seed}`);
    for (let round = 0; round < 100; round++) {
      const client = await WireClient.connect({ port: subject.port });
      client.ignoreReplies();
      client.batch(() => {
        for (let n = 0; n < 10; n++) {
          const bytes = Uint8Array.from({ length: draw.below(80) }, () => draw.below(256));
          // Half of them with an opcode that is one, so that they get further.
          if (bytes.length > 8 && draw.below(2) === 0) bytes.set(int(draw.below(23)), 4);
          client.sendFrame(bytes);
        }
      });
      client.endSending();
      await client.waitForClose();
    }
    await healthy.check();
  });

  test('random bytes as a connection', async (t) => {
    const draw = random();
    t.diagnostic(`seed ${draw.seed}`);
    for (let round = 0; round < 100; round++) {
      const client = await subject.open();
      client.ignoreReplies();
      client.sendRaw(Uint8Array.from({ length: 1 + draw.below(60) }, () => draw.below(256)));
      client.endSending();
      await client.waitForClose();
    }
    await healthy.check();
  });

  test('many connections come and go', async () => {
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(
        Array.from({ length: 60 }, () => WireClient.connect({ port: subject.port })),
      );
      await Promise.all(clients.map((client, i) => (i % 2 ? client.leave() : client.disconnect())));
    }
    await healthy.check();
  });

  test('10,000 quick connects leave nothing behind', async () => {
    if (subject.server.kind === 'apache') return;
    const startBytes = await residentBytes(subject.server.pid);
    // Few at a time: maxClientCnxns is not to keep them out.
    for (let opened = 0; opened < 10_000; opened += 40) {
      // By turns: nothing, the beginning of a ConnectRequest, a whole one whose answer is not waited for; orderly, and by a reset.
      await Promise.all(Array.from({ length: 40 }, (_, i) => quickConnect(subject.port, i % 3, i % 2 === 0)));
      if (opened % 1000 === 0) await healthy.check();
    }
    await until('only the healthy client is left', async () =>
      /^Connections: [12]$/m.test(await fourLetterWord(subject.port, 'srvr')),
    );
    await healthy.check();
    const grown = Math.round(((await residentBytes(subject.server.pid)) - startBytes) / 2 ** 20);
    assert.ok(grown < 64, `the server has grown by ${grown} MiB`);
  });

  test('a word that is not on the whitelist is refused in a sentence', async () => {
    assert.match(
      await fourLetterWord(subject.port, 'dump'),
      /^dump is not executed because it is not in the whitelist/,
    );
    assert.equal(await fourLetterWord(subject.port, 'ruok'), 'imok');
  });

  test('a client that does not read its replies costs bounded memory, and nobody else notices', async () => {
    // Apache keeps every reply; there is nothing to hold it to.
    if (subject.server.kind === 'apache') return;
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path, new Uint8Array(500_000)));
    const startBytes = await residentBytes(subject.server.pid);
    client.pauseReading();
    for (let i = 0; i < 3000; i++) client.getData(path);
    let highestBytes = 0;
    for (let round = 0; round < 20; round++) {
      await healthy.check();
      highestBytes = Math.max(highestBytes, await residentBytes(subject.server.pid));
      await delay(50);
    }
    const grown = Math.round((highestBytes - startBytes) / 2 ** 20);
    assert.ok(grown < 300, `1.5 GB of replies are asked for, the server has grown by ${grown} MiB`);
    await client.disconnect();
    await healthy.check();
  });
});

/** Connects, sends a part (0 to 2 halves) of a ConnectRequest, and leaves. */
async function quickConnect(port: number, halves: number, resets: boolean): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  // The server may be first to end it.
  socket.on('error', () => {});
  const frame = Buffer.concat([int(connectRequest.length), connectRequest]);
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      socket.write(frame.subarray(0, (frame.length * halves) >> 1));
      if (resets) socket.resetAndDestroy();
      else socket.destroySoon();
    });
  });
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
