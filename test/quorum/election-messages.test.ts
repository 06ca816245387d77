import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ElectionFrames } from '../../src/quorum/election-frames.ts';
import { formatHostAddress, isWildcard, parseHostAddress } from '../../src/quorum/host-address.ts';
import { decodeInitialMessage, encodeInitialMessage } from '../../src/quorum/initial-message.ts';
import { decodeNotification, encodeNotification } from '../../src/quorum/notification-codec.ts';
import { PacketError } from '../../src/quorum/packet-error.ts';
import { describeStranger } from '../../src/quorum/stranger.ts';
import { PeerState } from '../../src/zab/peer-state.ts';
import type { Notification } from '../../src/zab/vote.ts';

describe('notification', () => {
  const notification: Notification = {
    vote: { leader: 3, zxid: 0x5_0000_0009n, peerEpoch: 5 },
    round: 17,
    state: PeerState.following,
    version: 2,
    config: 'server.1=h:1:2:participant\nversion=0',
  };

  test('bytes are those of the protocol', () => {
    const frame = encodeNotification({ ...notification, config: 'abc' });
    const expected = `0000002f 00000001 0000000000000003 0000000500000009 0000000000000011 0000000000000005 00000002 00000003 616263`;
    assert.equal(frame.toString('hex'), expected.replaceAll(' ', ''));
  });

  test('comes back', () => {
    assert.deepEqual(decodeNotification(encodeNotification(notification).subarray(4)), notification);
  });

  test("an observer's, that proposes nobody", () => {
    const observers = { ...notification, vote: null, state: PeerState.looking };
    const frame = encodeNotification(observers);
    assert.equal(frame.toString('hex', 8, 24), '80000000000000008000000000000000');
    assert.deepEqual(decodeNotification(frame.subarray(4)), observers);
  });

  test('older layouts', () => {
    const frame = encodeNotification(notification).subarray(4);
    const withoutEpoch = { ...notification, version: 0, config: '' };
    assert.deepEqual(decodeNotification(frame.subarray(0, 28)), withoutEpoch);
    assert.deepEqual(decodeNotification(frame.subarray(0, 40)), withoutEpoch);
    const version1 = Buffer.from(frame.subarray(0, 44));
    version1.writeInt32BE(1, 36);
    assert.deepEqual(decodeNotification(version1), { ...notification, version: 1, config: '' });
  });

  test('nonsense is told', () => {
    const frame = encodeNotification(notification).subarray(4);
    const harmed = (harm: (bytes: Buffer) => void) => {
      const bytes = Buffer.from(frame);
      harm(bytes);
      return decodeNotification(bytes);
    };
    assert.match(String(decodeNotification(frame.subarray(0, 27))), /27 bytes/);
    assert.match(String(decodeNotification(frame.subarray(0, 39))), /39 bytes/);
    assert.match(String(decodeNotification(frame.subarray(0, 43))), /43 bytes/);
    assert.match(String(decodeNotification(frame.subarray(0, 50))), /longer than the message/);
    assert.match(String(harmed((bytes) => bytes.writeInt32BE(-1, 40))), /longer than the message/);
    assert.match(String(harmed((bytes) => bytes.writeInt32BE(4, 0))), /peer state 4/);
    assert.match(String(harmed((bytes) => bytes.writeBigInt64BE(1n << 60n, 4))), /a vote for server/);
    assert.match(String(harmed((bytes) => bytes.writeBigInt64BE(1n << 60n, 20))), /a round/);
    assert.match(String(harmed((bytes) => bytes.writeBigInt64BE(1n << 60n, 28))), /a vote for server/);
  });
});

describe('initial message', () => {
  const own = [
    { host: 'zk1.example', port: 3888 },
    { host: '::1', port: 3889 },
  ];

  test('bytes are those of the protocol', () => {
    assert.equal(
      encodeInitialMessage(2, [{ host: 'h', port: 38 }], false).toString('hex'),
      'ffffffffffff0000000000000000000200000004683a3338',
    );
    assert.equal(encodeInitialMessage(2, own, true).toString('utf8', 20), 'zk1.example:3888|[::1]:3889');
  });

  test('both versions come back, with what follows untouched', () => {
    for (const multiAddress of [false, true]) {
      const bytes = encodeInitialMessage(5, own, multiAddress);
      const result = decodeInitialMessage(Buffer.concat([bytes, Buffer.from('rest')]));
      const message = { sid: 5, addresses: multiAddress ? own : own.slice(0, 1) };
      assert.deepEqual(result, { kind: 'message', message, length: bytes.length });
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(decodeInitialMessage(bytes.subarray(0, length)).kind, 'incomplete');
      }
    }
  });

  test("3.4's, and that of an observer without an id", () => {
    const bytes = Buffer.from('0000000000000003', 'hex');
    const message = { sid: 3, addresses: [] };
    assert.deepEqual(decodeInitialMessage(bytes), { kind: 'message', message, length: 8 });
    const observer = Buffer.from('7fffffffffffffff', 'hex');
    assert.deepEqual(decodeInitialMessage(observer), {
      kind: 'message',
      message: { sid: null, addresses: [] },
      length: 8,
    });
  });

  test('wildcard addresses tell nothing', () => {
    const bytes = encodeInitialMessage(
      5,
      [{ host: '0.0.0.0', port: 1 }, ...own, { host: '::', port: 2 }],
      true,
    );
    const result = decodeInitialMessage(bytes);
    assert.ok(result.kind === 'message');
    assert.deepEqual(result.message.addresses, own);
  });

  test('nonsense is told', () => {
    const cases: [string, RegExp][] = [
      ['fffffffffffffffe', /unknown version -2/],
      ['ffffffffffff0000 0000000000000001 00000000', /address of 0 bytes/],
      ['ffffffffffff0000 0000000000000001 00000801', /address of 2049 bytes/],
      ['ffffffffffff0000 0000000000000001 00000003 616263', /"abc"/],
      ['ffffffffffff0000 ffffffffffffffff 00000003 613a31', /server id -1/],
      ['4745542f20485454', /server id 51/],
    ];
    for (const [text, problem] of cases) {
      const result = decodeInitialMessage(Buffer.from(text.replaceAll(' ', ''), 'hex'));
      assert.ok(result.kind === 'bad', text);
      assert.match(result.problem, problem);
    }
  });
});

test('host addresses', () => {
  for (const text of ['zk1:3888', '127.0.0.1:1', '[::1]:65535', '[2001:db8::7]:3888']) {
    const address = parseHostAddress(text);
    assert.ok(address !== null, text);
    assert.equal(formatHostAddress(address), text);
  }
  for (const text of [
    '',
    'zk1',
    'zk1:',
    ':1',
    'zk1:0',
    'zk1:65536',
    '::1:3888',
    '[zk1]:1',
    'a b:1',
    '[::1]',
    'x:1:2',
  ]) {
    assert.equal(parseHostAddress(text), null, text);
  }
  assert.deepEqual(['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '::1', '127.0.0.1', 'zk1'].map(isWildcard), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

describe('election frames', () => {
  const payloads = ['a', 'bcd', 'x'.repeat(1000)];
  const bytes = Buffer.concat(
    payloads.flatMap((payload) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(payload.length);
      return [length, Buffer.from(payload)];
    }),
  );

  test('are found however the stream is cut', () => {
    for (const step of [1, 2, 3, 5, 7, 100, bytes.length]) {
      const found: string[] = [];
      const frames = new ElectionFrames((frame) => found.push(frame.toString()));
      for (let at = 0; at < bytes.length; at += step) frames.read(bytes.subarray(at, at + step));
      assert.deepEqual(found, payloads, `step ${step}`);
    }
  });

  test('have a length that can be', () => {
    for (const length of [0, -1, 524_289, 0x47455420]) {
      const head = Buffer.alloc(4);
      head.writeInt32BE(length);
      assert.throws(() => new ElectionFrames(() => {}).read(head), PacketError);
    }
  });
});

test('strangers are called by their name', () => {
  const cases: [string | Buffer, RegExp | null, ('election' | 'quorum')?][] = [
    [Buffer.from('160301020001000100', 'hex'), /TLS client/],
    ['GET / HTTP/1.1\r\n', /HTTP client/],
    ['SSH-2.0-OpenSSH_9', /SSH client/],
    ['ruok', /four-letter word/],
    [Buffer.from('0000002c0000000000000000', 'hex'), /ZooKeeper client: clients belong on clientPort/],
    [
      encodeInitialMessage(1, [{ host: 'h', port: 1 }], false),
      /ports in its server lines seem to be swapped/,
      'quorum',
    ],
    [Buffer.from('0000000b000000010000000000000014', 'hex'), /swapped/],
    [Buffer.from('5f2435013501edcc00000000', 'hex'), /SASL/],
    [Buffer.from('00ff00ff00ff00ff00', 'hex'), null],
    [Buffer.from('00', 'hex'), null],
  ];
  for (const [bytes, expected, port = 'election'] of cases) {
    const description = describeStranger(port, Buffer.from(bytes));
    if (expected === null) assert.equal(description, null);
    else assert.match(description ?? '', expected);
  }
});
