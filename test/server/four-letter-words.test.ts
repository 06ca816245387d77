import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ConnectionStatus,
  formatConfiguration,
  formatConnections,
  formatIsReadOnly,
  formatMonitor,
  formatServer,
  formatStat,
  fourLetterWords,
  immediateAnswer,
  isEnabled,
  javaDouble,
  parseFourLetterWord,
  type ServerStatus,
  serverMetrics,
} from '../../src/server/four-letter-words.ts';
import { apacheSamples } from './apache-samples.ts';

// The inputs that belong to the samples.
const status: ServerStatus = {
  version: `3.8.0-\${mvngit.commit.id}`,
  built: '2024-12-29 17:54 UTC',
  latency: { min: 2, average: 31 / 3, max: 18 },
  received: 7,
  sent: 6,
  connections: 3,
  outstanding: 0,
  zxid: 2n,
  mode: 'standalone',
  znodeCount: 6,
};
const withSession: ConnectionStatus = {
  ...{ address: '127.0.0.1', port: 43332, interestOps: 1, queued: 0, received: 3, sent: 3 },
  session: {
    id: 0x100001365300000n,
    lastOperation: 'GETD',
    establishedMs: 1795328003852,
    timeoutMs: 10_000,
    lastCxid: 2,
    lastZxid: 2n,
    lastResponseMs: 1272351,
    lastLatencyMs: 2,
    minLatencyMs: 0,
    averageLatencyMs: 31 / 3,
    maxLatencyMs: 18,
  },
};
const idle = { address: '127.0.0.1', port: 43342, interestOps: 1, queued: 0, received: 0, sent: 0 };
const asking = { address: '127.0.0.1', port: 43360, interestOps: 0, queued: 0, received: 1, sent: 0 };
const gauges = {
  watchCount: 1,
  ephemeralsCount: 0,
  approximateDataSizeBytes: 47,
  localSessions: 0,
  globalSessions: 1,
  openFileDescriptors: 47,
  fileDescriptorsMax: 20_000,
  fsyncCount: 4,
  fsyncSumMs: 9.6,
  fsyncMaxMs: 5.2,
  fsyncAverageMs: 2.4,
  uptimeMs: 1567,
  replicaMemoryBytesMax: 268_435_456,
  replicaUsedBytes: 4096,
  replicaFreeBytes: 268_431_360,
  replicaLargestFreeBytes: 100,
  replicaFragmentation: 0.25,
  replicaBytesPerZnode: 682.66666,
};

test('srvr is as Apache gives it', () => assert.equal(formatServer(status), apacheSamples.srvr));

test('stat is as Apache gives it', () => {
  const later = { ...status, received: 8, sent: 7 };
  assert.equal(formatStat(later, [withSession, asking, idle]), apacheSamples.stat);
});

test('cons is as Apache gives it', () => {
  assert.equal(formatConnections([withSession, idle, { ...asking, port: 43378 }]), apacheSamples.cons);
  assert.equal(formatConnections([]), '\n');
});

test('cons: no cxid yet, unsigned ids, IPv6 as java.net.InetSocketAddress prints it', () => {
  const session = { ...withSession.session!, id: -1n, lastCxid: -1, lastZxid: -1n };
  const text = formatConnections([{ ...withSession, address: '0:0:0:0:0:0:0:1', interestOps: 5, session }]);
  assert.match(text, /^ \/\[0:0:0:0:0:0:0:1\]:43332\[5\]\(/);
  assert.match(text, /sid=0xffffffffffffffff,lop=GETD,est=1795328003852,to=10000,lzxid=0xffffffffffffffff,/);
});

test('conf is as Apache gives it', () => {
  const text = formatConfiguration({
    clientPort: 21999,
    secureClientPort: -1,
    dataDir: '/srv/zk/data/version-2',
    dataDirSizeBytes: 67109337,
    dataLogDir: '/srv/zk/data/version-2',
    dataLogSizeBytes: 67109337,
    tickTimeMs: 2000,
    connectionsPerAddressMax: 0,
    minSessionTimeoutMs: 4000,
    maxSessionTimeoutMs: 40_000,
    clientPortListenBacklog: -1,
    serverId: 0,
  });
  assert.equal(text, apacheSamples.conf);
});

test("mntr has Apache's lines for Apache's gauges, and the replica's", () => {
  const later = { ...status, received: 9, sent: 8 };
  const lines = formatMonitor(later, null, serverMetrics(later, gauges)).split('\n');
  const apacheLines = apacheSamples.mntr.split('\n');
  assert.deepEqual(lines.slice(0, 2), apacheLines.slice(0, 2));
  const isReplica = (line: string) => line.startsWith('zk_replica_');
  const isSync = (line: string) => line.includes('_fsynctime');
  assert.deepEqual(lines.filter((line) => !isReplica(line) && !isSync(line)).sort(), [...apacheLines].sort());
  assert.deepEqual(lines.filter(isSync), [
    'zk_avg_fsynctime\t2.4',
    'zk_max_fsynctime\t5',
    'zk_cnt_fsynctime\t4',
    'zk_sum_fsynctime\t10',
  ]);
  assert.deepEqual(lines.filter(isReplica), [
    'zk_replica_memory_bytes_max\t268435456',
    'zk_replica_memory_used_bytes\t4096',
    'zk_replica_memory_free_bytes\t268431360',
    'zk_replica_memory_largest_free_bytes\t100',
    'zk_replica_memory_fragmentation\t0.25',
    'zk_replica_memory_bytes_per_znode\t682.6667',
  ]);
});

test('a read-only server says so below its version', () => {
  const lines = formatStat({ ...status, mode: 'read-only' }, []).split('\n');
  assert.equal(lines[1], 'READ-ONLY mode; serving only read-only clients');
  assert.equal(lines[2], 'Clients:');
  assert.equal(formatIsReadOnly(true), 'ro');
  assert.equal(formatIsReadOnly(false), 'rw');
});

test('words are told from packet lengths', () => {
  for (const word of fourLetterWords) {
    if (word === 'telnet close') continue;
    assert.equal(parseFourLetterWord(Buffer.from(`${word}\r\n`)), word);
  }
  assert.equal(parseFourLetterWord(Uint8Array.of(0xff, 0xf4, 0xff, 0xfd)), 'telnet close');
  assert.equal(parseFourLetterWord(Uint8Array.of(0, 0, 0, 45)), null);
  assert.equal(parseFourLetterWord(Buffer.from('RUOK')), null);
  assert.equal(parseFourLetterWord(Buffer.from('ruo')), null);
});

test('the whitelist', () => {
  assert.equal(isEnabled('ruok', ['srvr']), false);
  assert.equal(isEnabled('srvr', []), true);
  assert.equal(isEnabled('ruok', ['*']), true);
  assert.equal(isEnabled('ruok', ['srvr', 'ruok']), true);
  assert.equal(
    immediateAnswer('stat', ['srvr'], true),
    'stat is not executed because it is not in the whitelist.\n',
  );
  assert.equal(
    immediateAnswer('telnet close', ['srvr'], true),
    'telnet close is not executed because it is not in the whitelist.\n',
  );
});

test('answers that need no data', () => {
  assert.equal(immediateAnswer('ruok', ['*'], false), 'imok');
  assert.equal(immediateAnswer('telnet close', ['*'], true), '');
  assert.equal(immediateAnswer('isro', ['*'], false), 'null');
  for (const word of ['conf', 'cons', 'mntr', 'srvr', 'stat'] as const) {
    assert.equal(immediateAnswer(word, ['*'], true), null);
    assert.equal(
      immediateAnswer(word, ['*'], false),
      'This ZooKeeper instance is not currently serving requests\n',
    );
  }
  for (const word of ['envi', 'gtmk', 'stmk'] as const)
    assert.equal(immediateAnswer(word, ['*'], false), null);
  assert.equal(
    immediateAnswer('hash', ['*'], false),
    'This ZooKeeper instance is not currently serving requests',
  );
});

test('doubles are printed as Java prints them', () => {
  const expected: readonly (readonly [number, string])[] = [
    [0, '0.0'],
    [3, '3.0'],
    [14.5, '14.5'],
    [1 / 3, '0.3333'],
    [0.0001, '1.0E-4'],
    [0.00001, '0.0'],
    [9_999_999, '9999999.0'],
    [10_000_000, '1.0E7'],
    [123_456_789.25, '1.2345678925E8'],
    [-2.5, '-2.5'],
  ];
  for (const [value, text] of expected) assert.equal(javaDouble(value), text);
});
