import { OpCode } from '../../../src/protocol/opcode.ts';
import { encode } from '../../support/wire-records.ts';
import { framed } from '../recording.ts';
import { onConnectionThatEnds, onSession, type WireCase } from './wire-case.ts';

function withoutSession(name: string, about: string, play: WireCase['play']): WireCase {
  return { name, about, config: [], play };
}

const nothing = () => {};

/** protocol/client.md §2, §3 and §6.1: connections, sessions, frames that are not understood. */
export const sessionCases: readonly WireCase[] = [
  onSession('connect-new', 'A new session, and its end.', async () => {}),
  withoutSession(
    'connect-without-read-only',
    'Clients up to 3.3 send no byte readOnly and get none.',
    async (recording) => {
      const a = await recording.open('a');
      await a.connect({ readOnly: 'absent' });
      await a.close();
    },
  ),
  withoutSession(
    'connect-read-only',
    'A client that may be read-only, on a server that is not.',
    async (recording) => {
      const a = await recording.open('a');
      await a.connect({ readOnly: true });
      await a.close();
    },
  ),
  withoutSession('connect-timeout-short', 'A timeout below the least is raised to it.', async (recording) => {
    const a = await recording.open('a');
    await a.connect({ timeoutMs: 1 });
    await a.close();
  }),
  withoutSession('connect-timeout-long', 'A timeout beyond the longest is cut to it.', async (recording) => {
    const a = await recording.open('a');
    await a.connect({ timeoutMs: 3_600_000 });
    await a.close();
  }),
  withoutSession('connect-version', 'The protocol version is not looked at.', async (recording) => {
    const a = await recording.open('a');
    await a.connect({ protocolVersion: 77 });
    await a.close();
  }),
  withoutSession(
    'connect-again',
    'A session moves to a new connection; the old one is closed.',
    async (recording) => {
      const a = await recording.session('a');
      const b = await recording.open('b');
      await b.connect({ session: a.session, timeoutMs: 10_000 });
      await a.closed();
      await b.close();
    },
  ),
  withoutSession(
    'connect-wrong-password',
    'A wrong password: no session, and yet the connection of the session is closed.',
    async (recording) => {
      const a = await recording.session('a');
      const b = await recording.open('b');
      b.sendConnect({ session: { id: a.session.id, password: new Uint8Array(16) } });
      await b.connected();
      await b.closed();
      await a.closed();
      const c = await recording.open('c');
      await c.connect({ session: a.session });
      await c.close();
    },
  ),
  withoutSession('connect-expired', 'A session that has ended is not taken up again.', async (recording) => {
    const a = await recording.session('a');
    await a.close();
    const b = await recording.open('b');
    await b.connect({ session: a.session });
    await b.closed();
  }),
  withoutSession(
    'connect-zxid-ahead',
    'A client that has seen more than the server is sent away.',
    async (recording) => {
      const a = await recording.session('a');
      await a.request(OpCode.ping, nothing, -2);
      const b = await recording.open('b');
      b.sendConnect({ lastZxidSeen: a.lastZxid + 1000n });
      await b.closed();
      await a.close();
    },
  ),
  withoutSession(
    'connect-pipelined',
    'Requests sent right behind the ConnectRequest are kept.',
    async (recording, path) => {
      const a = await recording.open('a');
      a.sendConnect();
      a.send(OpCode.exists, (writer) => {
        writer.writeString(path);
        writer.writeBoolean(false);
      });
      a.send(OpCode.ping, nothing, -2);
      await a.connected();
      await a.reply();
      await a.reply();
      await a.close();
    },
  ),
  onSession('ping', 'A ping, and one behind a write.', async (a, path) => {
    await a.request(OpCode.ping, nothing, -2);
    await a.create(path);
    await a.request(OpCode.ping, nothing, -2);
  }),
  onConnectionThatEnds('frame-negative', 'A frame of negative length.', async (a) => {
    a.raw(Buffer.from('ffffffff', 'hex'));
  }),
  onConnectionThatEnds('frame-too-long', 'A frame of more than jute.maxbuffer.', async (a) => {
    a.raw(Buffer.from('7fffffff', 'hex'));
  }),
  onConnectionThatEnds('frame-without-header', 'A frame too short for a request header.', async (a) => {
    a.raw(framed(Buffer.from('00000001', 'hex')));
  }),
  ...[0, 10, 77, 99, -1].map((type) =>
    onConnectionThatEnds(
      `unknown-op-${type < 0 ? `minus-${-type}` : type}`,
      `Opcode ${type}, from a client.`,
      (a) => a.request(type, (writer) => writer.writeInt(1)),
    ),
  ),
  onSession(
    'auth-digest',
    'A digest is believed, whatever its password; whoAmI names the user.',
    async (a) => {
      await a.auth('digest', 'user:pass');
      await a.path(OpCode.whoAmI, '');
    },
  ),
  onSession('auth-ip', 'The scheme ip says what the server knows.', async (a) => {
    await a.auth('ip', '');
    await a.path(OpCode.whoAmI, '');
  }),
  onConnectionThatEnds('auth-unknown', 'A scheme that the server does not know.', (a) =>
    a.auth('nosuch', 'user:pass'),
  ),
  onConnectionThatEnds('auth-sasl', 'SASL has a request of its own.', (a) => a.auth('sasl', 'user:pass')),
  onSession('sasl-off', 'A server without SASL answers a token by none.', async (a) => {
    await a.request(OpCode.sasl, (writer) => writer.writeBuffer(new Uint8Array(0)));
  }),
  onSession('who-am-i', 'A connection is its address.', (a) => a.request(OpCode.whoAmI, nothing)),
  onSession('reconfig-off', 'A standalone server is not reconfigured.', (a) =>
    a.request(OpCode.reconfig, (writer) => {
      writer.writeString(null);
      writer.writeString(null);
      writer.writeString('server.1=127.0.0.1:1:2;3');
      writer.writeLong(-1n);
    }),
  ),
  onSession(
    'create-cut-short',
    'A write that ends too early: an error that takes a zxid.',
    async (a, path) => {
      const whole = encode((writer) => writer.writeString(path));
      await a.request(OpCode.create, (writer) => writer.writeBytes(whole, 0, whole.length));
      await a.create(path);
    },
  ),
  onSession('get-data-cut-short', 'A read that ends too early.', async (a) => {
    await a.request(OpCode.getData, (writer) => writer.writeInt(5));
    await a.read(OpCode.getData, '/zookeeper');
  }),
];
