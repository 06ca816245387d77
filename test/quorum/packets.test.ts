import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { writeIdentities } from '../../src/protocol/acl.ts';
import { PacketBatch } from '../../src/quorum/packet-batch.ts';
import { PacketError } from '../../src/quorum/packet-error.ts';
import { PacketType } from '../../src/quorum/packet-type.ts';
import { type Segment, SendBufferPool } from '../../src/quorum/send-buffer.ts';
import { random } from '../support/random.ts';
import { encode } from '../support/wire-records.ts';
import { encoded, Recorder, sizes, streamFromLeader, streamFromLearner } from './recorded-packets.ts';

const NO_IDENTITIES = Uint8Array.of(255, 255, 255, 255);
const config = 'server.1=h:2888:3888:participant\nversion=0';

/** What a leader may say, one of each kind. */
function fromLeader(batch: PacketBatch): void {
  const txn = Uint8Array.from({ length: 300 }, (_, i) => i);
  batch.packet({ type: 'leaderInfo', epoch: 3 });
  batch.packet({ type: 'diff', zxid: 0x2_0000_0007n });
  batch.packet({ type: 'trunc', zxid: 0x2_0000_0005n });
  batch.packet({ type: 'snap', zxid: 0x2_0000_0006n });
  batch.proposal(2, 8, txn, 10, 200);
  batch.commits(2, 8, 8);
  batch.packet({ type: 'newLeader', epoch: 3, config });
  batch.packet({ type: 'upToDate' });
  batch.proposal(3, 1, txn, 0, 1);
  batch.proposal(3, 2, new Uint8Array(new SharedArrayBuffer(400)), 3, 390);
  batch.commits(3, 1, 3);
  batch.packet({ type: 'ping', zxid: 0x3_0000_0002n });
  batch.sync();
  batch.revalidated(0x01000000, -5, true);
  batch.revalidated(0, 1, false);
  batch.inform(3, 3, txn, 1, 20);
  batch.commits(3, -2, -1);
}

const fromLeaderLines = [
  '{"type":"leaderInfo","epoch":3}',
  '{"type":"diff","zxid":"0x200000007"}',
  '{"type":"trunc","zxid":"0x200000005"}',
  '{"type":"snap","zxid":"0x200000006"}',
  `proposal 2:8 ${Buffer.from(Array.from({ length: 200 }, (_, i) => i + 10)).toString('hex')}`,
  'commit 2:8',
  JSON.stringify({ type: 'newLeader', epoch: 3, config }),
  '{"type":"upToDate"}',
  'proposal 3:1 00',
  `proposal 3:2 ${'00'.repeat(390)}`,
  ...['commit 3:1', 'commit 3:2', 'commit 3:3'],
  '{"type":"ping","zxid":"0x300000002"}',
  'synced',
  `revalidated ${0x01000000}/-5 true`,
  'revalidated 0/1 false',
  `inform 3:3 ${Buffer.from(Array.from({ length: 20 }, (_, i) => i + 1)).toString('hex')}`,
  ...['commit 3:4294967294', 'commit 3:4294967295'],
];

/** What a learner may say, one of each kind. */
function fromLearner(batch: PacketBatch): void {
  const body = Uint8Array.from({ length: 100 }, (_, i) => 255 - i);
  const identities = encode((writer) =>
    writeIdentities(writer, [
      { scheme: 'ip', id: '127.0.0.1' },
      { scheme: 'digest', id: 'ä:b' },
    ]),
  );
  batch.packet({
    type: 'learnerInfo',
    isObserver: false,
    acceptedEpoch: 2,
    sid: 7,
    configVersion: 0x100000001n,
  });
  batch.packet({ type: 'ackEpoch', lastZxid: 0x2_0000_0007n, currentEpoch: 2 });
  batch.packet({ type: 'ackEpoch', lastZxid: 0x2_0000_0007n, currentEpoch: -1 });
  batch.packet({ type: 'newLeaderAck', epoch: 3 });
  batch.acknowledgements(3, 1, 4);
  batch.request(0x07000000, 99, 5, 1, body, 4, 90, identities, 0, identities.length);
  batch.request(1, 2, -1, 9, body, 0, 0, NO_IDENTITIES, 0, 4);
  batch.revalidate(0x07000000, 98, 30_000);
  batch.pingWithTouches(0x3_0000_0002n, Int32Array.of(1, 2, 3000, 4, -5, 6000, 7, 8, 9), 2);
  batch.packet({ type: 'ping', zxid: 0x3_0000_0002n });
  batch.acknowledgements(3, 7, 7);
  batch.acknowledgements(3, 9, 9);
  batch.acknowledgements(4, 10, 10);
}

const fromLearnerLines = [
  '{"type":"learnerInfo","isObserver":false,"acceptedEpoch":2,"sid":7,"protocolVersion":65536,"configVersion":"0x100000001"}',
  '{"type":"ackEpoch","lastZxid":"0x200000007","currentEpoch":2}',
  '{"type":"ackEpoch","lastZxid":"0x200000007","currentEpoch":-1}',
  '{"type":"newLeaderAck","epoch":3}',
  ...['ack 3:1', 'ack 3:2', 'ack 3:3', 'ack 3:4'],
  `request ${0x07000000}/99 5 1 ${Buffer.from(Array.from({ length: 90 }, (_, i) => 251 - i)).toString('hex')} [ip:127.0.0.1,digest:ä:b]`,
  'request 1/2 -1 9  []',
  `revalidate ${0x07000000}/98 30000`,
  ...['touched 1/2 3000', 'touched 4/-5 6000', '{"type":"ping","zxid":"0x300000002"}'],
  '{"type":"ping","zxid":"0x300000002"}',
  ...['ack 3:7', 'ack 3:9', 'ack 4:10'],
];

const sides = [
  { name: 'a leader', write: fromLeader, lines: fromLeaderLines, stream: streamFromLeader },
  { name: 'a learner', write: fromLearner, lines: fromLearnerLines, stream: streamFromLearner },
];

for (const { name, write, lines, stream } of sides) {
  describe(`what ${name} sends`, () => {
    const bytes = encoded(write);

    test('comes back whole', () => {
      const recorder = new Recorder();
      assert.equal(stream(recorder).read(bytes, 0, bytes.length), bytes.length);
      assert.deepEqual(recorder.lines, lines);
    });

    test('comes back byte by byte, and cut at any place', () => {
      const draw = random();
      for (let round = 0; round < 60; round++) {
        const recorder = new Recorder();
        const incoming = stream(recorder);
        for (let at = 0; at < bytes.length; ) {
          const end = Math.min(bytes.length, at + 1 + (round === 0 ? 0 : draw.below(round * 10)));
          // Elsewhere each time: nobody may keep the bytes.
          const memory = Buffer.alloc(end - at + 7, 0x55);
          bytes.copy(memory, 3, at, end);
          assert.equal(incoming.read(memory, 3, 3 + end - at), 3 + end - at);
          memory.fill(0x55);
          at = end;
        }
        assert.deepEqual(recorder.lines, lines, `seed ${draw.seed}, round ${round}`);
      }
    });

    test('stops where it is told to, and goes on from there', () => {
      class Stopping extends Recorder {
        override received(packet: Parameters<Recorder['received']>[0]): void {
          super.received(packet);
          incoming.stop();
        }
      }
      const recorder = new Stopping();
      const incoming = stream(recorder);
      let at = 0;
      for (let stops = 0; at < bytes.length; stops++) {
        assert.ok(stops < lines.length);
        at = incoming.read(bytes, at, bytes.length);
        if (at < bytes.length) assert.match(recorder.lines.at(-1) ?? '', /^\{/);
      }
      assert.deepEqual(recorder.lines, lines);
    });
  });
}

test('runs are handed over as one', () => {
  const runs: string[] = [];
  class Runs extends Recorder {
    override committed(epoch: number, first: number, last: number): void {
      runs.push(`${epoch}:${first}-${last}`);
    }
  }
  const bytes = encoded((batch) => {
    batch.commits(1, 1, 1000);
    batch.commits(1, 1002, 1003);
    batch.commits(2, 1004, 1004);
  });
  streamFromLeader(new Runs()).read(bytes, 0, bytes.length);
  assert.deepEqual(runs, ['1:1-1000', '1:1002-1003', '2:1004-1004']);
});

test('bytes are those of the protocol', () => {
  const vectors: [(batch: PacketBatch) => void, string][] = [
    [
      (batch) =>
        batch.packet({ type: 'learnerInfo', isObserver: false, acceptedEpoch: 1, sid: 2, configVersion: 3n }),
      '0000000b 0000000100000000 00000014 0000000000000002 00010000 0000000000000003 ffffffff',
    ],
    [
      (batch) => batch.packet({ type: 'leaderInfo', epoch: 1 }),
      '00000011 0000000100000000 00000004 00010000 ffffffff',
    ],
    [
      (batch) => batch.packet({ type: 'ackEpoch', lastZxid: 0x100000002n, currentEpoch: -1 }),
      '00000012 0000000100000002 00000004 ffffffff ffffffff',
    ],
    [(batch) => batch.packet({ type: 'upToDate' }), '0000000c ffffffffffffffff ffffffff ffffffff'],
    [
      (batch) => batch.packet({ type: 'newLeaderAck', epoch: 1 }),
      '00000003 0000000100000000 ffffffff ffffffff',
    ],
    [
      (batch) => batch.packet({ type: 'newLeader', epoch: 1, config: 'v' }),
      '0000000a 0000000100000000 00000001 76 ffffffff',
    ],
    [(batch) => batch.commits(1, -1, -1), '00000004 00000001ffffffff ffffffff ffffffff'],
    [
      (batch) => batch.proposal(1, 2, Uint8Array.of(9, 8, 7), 1, 2),
      '00000002 0000000100000002 00000002 0807 ffffffff',
    ],
    [
      (batch) => batch.revalidated(1, 2, true),
      '00000006 ffffffffffffffff 00000009 0000000100000002 01 ffffffff',
    ],
    [(batch) => batch.sync(), '00000007 0000000000000000 ffffffff ffffffff'],
  ];
  for (const [write, expected] of vectors) {
    assert.equal(encoded(write).toString('hex'), expected.replaceAll(' ', ''));
  }
});

test('LearnerInfo of older releases', () => {
  for (const [data, protocolVersion] of [
    ['0000000000000002', 1],
    ['000000000000000200010000', 65536],
  ] as const) {
    const bytes = Buffer.from(
      `00000010 0000000100000000 ${hexInt(data.length / 2)} ${data} ffffffff`.replaceAll(' ', ''),
      'hex',
    );
    const recorder = new Recorder();
    streamFromLearner(recorder).read(bytes, 0, bytes.length);
    const info = { type: 'learnerInfo', isObserver: true, acceptedEpoch: 1, sid: 2, protocolVersion };
    assert.deepEqual(recorder.lines, [JSON.stringify({ ...info, configVersion: '0x0' })]);
  }
});

test('an empty configuration in NEWLEADER', () => {
  for (const data of ['ffffffff', '00000000', '0000000100']) {
    const bytes = Buffer.from(`0000000a0000000100000000${data}ffffffff`, 'hex');
    const recorder = new Recorder();
    streamFromLeader(recorder).read(bytes, 0, bytes.length);
    assert.deepEqual(recorder.lines, ['{"type":"newLeader","epoch":1,"config":""}']);
  }
});

describe('what may not be is refused', () => {
  const introduction = encoded((batch) =>
    batch.packet({ type: 'learnerInfo', isObserver: false, acceptedEpoch: 0, sid: 1, configVersion: 0n }),
  ).toString('hex');
  const leaderCases: [string, string, RegExp][] = [
    ['an unknown type', '47455420', /type 1195725856 is no packet that may come here/],
    ['a packet of the other side', `${hexInt(PacketType.request)}`, /REQUEST is no packet/],
    [
      'a length beyond the limit',
      `00000002 0000000100000001 ${hexInt(sizes.packetBytesMax + 1)}`,
      /at most 10000/,
    ],
    ['a negative length', '00000002 0000000100000001 fffffffe', /-2 bytes/],
    ['data where none belong', `00000004 0000000100000001 ${hexInt(65)}`, /COMMIT with 65 bytes/],
    [
      'too many identities',
      `00000004 0000000100000001 ffffffff ${hexInt(sizes.identitiesMax + 1)}`,
      /101 identities/,
    ],
    ['a negative count of identities', '00000004 0000000100000001 ffffffff fffffffe', /-2 identities/],
    [
      'an identity beyond the limit',
      `00000004 0000000100000001 ffffffff 00000001 ${hexInt(5001)}`,
      /identity of 5001/,
    ],
    ['a negative identity', '00000004 0000000100000001 ffffffff 00000001 fffffffe', /identity of -2/],
    ['a proposal without a txn', '00000002 0000000100000001 ffffffff ffffffff', /without a txn/],
    ['a commit of no txn', '00000004 0000000100000000 ffffffff ffffffff', /which is no txn/],
    ['NEWLEADER for a txn', '0000000a 0000000100000001 ffffffff ffffffff', /which is no epoch/],
    ['an old protocol', '00000011 0000000100000000 00000004 00000001 ffffffff', /speaks protocol 0x1;/],
    [
      'LEADERINFO without a protocol',
      '00000011 0000000100000000 ffffffff ffffffff',
      /LEADERINFO with -1 bytes/,
    ],
    [
      'half an answer to REVALIDATE',
      '00000006 ffffffffffffffff 00000008 0000000000000001 ffffffff',
      /8 bytes/,
    ],
    ['a reconfiguration', '00000009 0000000100000001 00000008 0000000000000001 ffffffff', /not built yet/],
  ];
  const learnerCases: [string, string, RegExp][] = [
    ['anything before the introduction', '00000001', /REQUEST is no packet/],
    ['a long introduction', `0000000b 0000000100000000 ${hexInt(65)}`, /at most 64/],
    ['a short introduction', '0000000b 0000000100000000 00000007 00000000000000 ffffffff', /7 bytes/],
    [
      'a server id that cannot be',
      '0000000b 0000000100000000 00000008 ffffffffffffffff ffffffff',
      /server id -1/,
    ],
    ['a second introduction', `${introduction} 0000000b`, /FOLLOWERINFO is no packet/],
    [
      'a short request',
      `${introduction} 00000001 ffffffffffffffff 0000000f ${'00'.repeat(15)} ffffffff`,
      /15 bytes/,
    ],
    [
      'half a touched session',
      `${introduction} 00000005 0000000000000000 00000005 0000000000 ffffffff`,
      /PING with 5/,
    ],
    ['a short REVALIDATE', `${introduction} 00000006 ffffffffffffffff ffffffff ffffffff`, /-1 bytes/],
    ['an epoch that cannot be', '0000000b ffffffff00000000 00000008 0000000000000001 ffffffff', /no epoch/],
  ];
  for (const [cases, stream] of [
    [leaderCases, streamFromLeader],
    [learnerCases, streamFromLearner],
  ] as const) {
    for (const [what, text, problem] of cases) {
      test(what, () => {
        const bytes = Buffer.from(text.replaceAll(' ', ''), 'hex');
        for (const step of [bytes.length, 1]) {
          const incoming = stream(new Recorder());
          assert.throws(
            () => {
              for (let at = 0; at < bytes.length; at += step) incoming.read(bytes, at, at + step);
            },
            (error: Error) => error instanceof PacketError && problem.test(error.message),
          );
        }
      });
    }
  }
});

test('more than a buffer holds, and a packet that is longer than one', () => {
  const txn = new Uint8Array(200_000).fill(7);
  const lengths: number[] = [];
  const bytes = encoded((batch) => {
    for (let i = 1; i <= 5000; i++) batch.proposal(1, i, txn, 0, 100);
    batch.proposal(1, 5001, txn, 0, 9999);
    batch.raw(txn);
    batch.forEachSegment(({ start, end }) => lengths.push(end - start));
  });
  const recorder = new Recorder();
  streamFromLeader(recorder).read(bytes, 0, bytes.length - txn.length);
  assert.equal(recorder.lines.length, 5001);
  assert.equal(recorder.lines[4999], `proposal 1:5000 ${'07'.repeat(100)}`);
  assert.equal(lengths.at(-1), txn.length);
});

test('a buffer goes back to its pool when all have let go of it, and not before', () => {
  const pool = new SendBufferPool();
  const batch = new PacketBatch(pool);
  batch.commits(1, 1, 1);
  const held: Segment[] = [];
  batch.forEachSegment((segment) => {
    for (let i = 0; i < 2; i++) {
      segment.buffer.retain();
      held.push(segment);
    }
  });
  batch.clear();
  assert.equal(pool.inUse, 1);
  held[0].buffer.release();
  assert.equal(pool.inUse, 1);
  held[1].buffer.release();
  assert.equal(pool.inUse, 0);
  assert.throws(() => held[1].buffer.release(), /more often than it was held/);
});

function hexInt(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
