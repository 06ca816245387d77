import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, type MachineFacts, readConfig, type ServerConfig } from '../../src/server/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'menagerie-config-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const file = join(directory, 'zoo.cfg');
const MB = 1024 * 1024;
const machine: MachineFacts = { cores: 4, memoryBytes: 8000 * MB, workingDirectory: '/srv' };
const least = `dataDir=${directory}/data\nclientPort=2181\n`;

/** Messages come back with the temporary directory left out. */
function read(text: string | Uint8Array, system: Record<string, string> = {}, facts = machine) {
  writeFileSync(file, text);
  const { config, warnings } = readConfig(file, new Map(Object.entries(system)), facts);
  return { config, warnings: warnings.map(short) };
}

function refusal(text: string, system: Record<string, string> = {}): string {
  let message = 'was accepted';
  assert.throws(
    () => read(text, system),
    (error) => {
      message = short((error as Error).message);
      return error instanceof ConfigError && error.exitCode === 2;
    },
    text,
  );
  assert.ok(!message.includes('\n'), message);
  return message;
}

function short(text: string): string {
  return text.replaceAll(`${directory}/`, '');
}

test('defaults are those of Apache, and of the machine', () => {
  const { config, warnings } = read(least);
  const expected: ServerConfig = {
    configFile: file,
    dataDir: `${directory}/data`,
    dataLogDir: `${directory}/data`,
    dataDirAutocreate: true,
    databaseAutocreate: true,
    serverId: 1,
    ensemble: null,
    committedLogBytesMax: 64 * 2 ** 20,
    leaderlessMsMax: 2000,
    clientPort: 2181,
    clientPortAddress: null,
    clientPortListenBacklog: -1,
    clientTcpKeepAlive: false,
    tickTimeMs: 3000,
    minSessionTimeoutMs: 6000,
    maxSessionTimeoutMs: 60_000,
    sessionlessConnectionTimeoutMs: 10_000,
    connectionsPerAddressMax: 60,
    connectionsMax: 0,
    outstandingRequestsMax: 1000,
    requestsInProcessMax: 0,
    throttledOpWaitMs: 0,
    largeRequestThresholdBytes: 0,
    largeRequestBytesMax: 100 * MB,
    connectionThrottle: {
      tokens: 0,
      fillTimeMs: 1,
      fillCount: 1,
      freezeTimeMs: -1,
      dropIncrease: 0.02,
      dropDecrease: 0.002,
      decreaseRatio: 0,
      newSessionTokens: 1,
      renewedSessionTokens: 1,
    },
    juteBufferBytesMax: 1_048_575,
    juteBufferExtraBytes: 1_048_575,
    preAllocSizeBytes: 64 * MB,
    snapCount: 100_000,
    snapSizeLimitBytes: 4096 * MB,
    snapshotCompression: 'none',
    purgeRetainCount: 3,
    purgeIntervalHours: 24,
    txnLogSizeLimitBytes: 0,
    snapshotTrustEmpty: false,
    digestEnabled: true,
    serializeLastProcessedZxidEnabled: true,
    closeSessionTxnEnabled: true,
    forceSync: true,
    fsyncWarningThresholdMs: 1000,
    flushDelayMs: 0,
    writeQueuePollTimeMsMax: 0,
    batchSizeMax: 1000,
    skipAcl: false,
    extendedTypesEnabled: false,
    enforceQuota: false,
    reconfigEnabled: false,
    containerCheckIntervalMs: 60_000,
    containersPerMinuteMax: 10_000,
    containerNeverUsedIntervalMsMax: 0,
    readOnlyModeEnabled: false,
    fourLetterWords: ['srvr'],
    digestAuthenticationEnabled: true,
    digestAuthenticationAlgorithm: 'sha1',
    superDigest: null,
    connectionWorkers: 3,
    replicaMemoryBytesMax: 2000 * MB,
    diskReserveBytes: null,
    sessionsMax: 100_000,
    requestRingBytes: 8 * MB,
    logRingBytes: 16 * MB,
    commitRingBytes: 16 * MB,
    clientInputBytesMax: 4 * MB,
    clientOutputBytesMax: 16 * MB,
    learnerQueueBytesMax: 64 * MB,
    logFormat: 'pretty',
    logLevel: 'info',
  };
  assert.deepEqual(config, expected);
  assert.deepEqual(warnings, []);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.fourLetterWords));
});

test('limits of requests and connections', () => {
  const lines = [
    ...['request_throttle_max_requests=500', 'throttled_op_wait_time=20', 'request_throttle_stall_time=5'],
    ...['largeRequestThreshold=1024', 'largeRequestMaxBytes=4096', 'connection_throttle_tokens=30'],
    ...['connection_throttle_drop_increase=.5', 'connection_throttle_weight_enabled=true'],
  ];
  const { config, warnings } = read(`${least}\n${lines.join('\n')}\n`);
  assert.deepEqual(warnings, []);
  assert.equal(config.requestsInProcessMax, 500);
  assert.equal(config.throttledOpWaitMs, 20);
  assert.equal(config.largeRequestThresholdBytes, 1024);
  assert.equal(config.largeRequestBytesMax, 4096);
  const { tokens, dropIncrease, newSessionTokens, renewedSessionTokens } = config.connectionThrottle;
  assert.deepEqual([tokens, dropIncrease, newSessionTokens, renewedSessionTokens], [30, 0.5, 3, 2]);
  for (const value of ['1.5', '-1', 'half', '']) {
    assert.throws(
      () => read(`${least}\nconnection_throttle_drop_increase=${value}\n`),
      /must be a number from 0 to 1/,
    );
  }
});

test('defaults on small and large machines', () => {
  const small = read(least, {}, { ...machine, cores: 1, memoryBytes: 512 * MB }).config;
  assert.equal(small.connectionWorkers, 1);
  assert.equal(small.replicaMemoryBytesMax, 256 * MB);
  const large = read(least, {}, { ...machine, cores: 256, memoryBytes: 1024 * 1024 * MB }).config;
  assert.equal(large.connectionWorkers, 64);
  assert.equal(large.replicaMemoryBytesMax, 16_000 * MB);
});

const good: readonly (readonly [line: string, expected: Partial<ServerConfig>])[] = [
  ['tickTime=2000', { tickTimeMs: 2000, minSessionTimeoutMs: 4000, maxSessionTimeoutMs: 40_000 }],
  ['  tickTime : +2000  ', { tickTimeMs: 2000 }],
  ['tick\\u0054ime=\\\n   2000', { tickTimeMs: 2000 }],
  ['tickTime=02000', { tickTimeMs: 2000 }],
  ['minSessionTimeout=-1\nmaxSessionTimeout=-1', { minSessionTimeoutMs: 6000, maxSessionTimeoutMs: 60_000 }],
  [
    'minSessionTimeout=100\nmaxSessionTimeout=900000',
    { minSessionTimeoutMs: 100, maxSessionTimeoutMs: 900_000 },
  ],
  ['dataLogDir=/srv/log', { dataLogDir: '/srv/log' }],
  ['dataLogDir=./log/../zk', { dataLogDir: '/srv/zk' }],
  ['clientPortAddress=[::1]', { clientPortAddress: '::1' }],
  ['clientPortAddress=localhost', { clientPortAddress: 'localhost' }],
  ['clientPortListenBacklog=512', { clientPortListenBacklog: 512 }],
  ['clientTcpKeepAlive=TRUE', { clientTcpKeepAlive: true }],
  ['maxClientCnxns=-1', { connectionsPerAddressMax: 0 }],
  ['maxCnxns=5000', { connectionsMax: 5000 }],
  ['globalOutstandingLimit=50', { outstandingRequestsMax: 50 }],
  ['nio.sessionlessCnxnTimeout=500', { sessionlessConnectionTimeoutMs: 500 }],
  ['preAllocSize=0x10', { preAllocSizeBytes: 16 * 1024 }],
  ['preAllocSize=0', { preAllocSizeBytes: 0 }],
  ['snapshot.compression.method=gz', { snapshotCompression: 'gz' }],
  ['snapshot.compression.method=snappy', { snapshotCompression: 'snappy' }],
  ['snapshot.compression.method=', { snapshotCompression: 'none' }],
  ['autopurge.purgeInterval=0', { purgeIntervalHours: 0 }],
  ['autopurge.purgeInterval=-1', { purgeIntervalHours: 0 }],
  ['autopurge.purgeInterval=1\nautopurge.snapRetainCount=7', { purgeIntervalHours: 1, purgeRetainCount: 7 }],
  ['menagerie.diskReserveMb=0', { diskReserveBytes: 0 }],
  ['menagerie.diskReserveMb=1000', { diskReserveBytes: 1000 * MB }],
  ['snapCount=500', { snapCount: 500 }],
  ['snapSizeLimitInKb=-1', { snapSizeLimitBytes: 0 }],
  ['txnLogSizeLimitInKb=1024', { txnLogSizeLimitBytes: MB }],
  ['snapshot.trust.empty=true', { snapshotTrustEmpty: true }],
  ['datadir.autocreate=false\ndb.autocreate=false', { dataDirAutocreate: false, databaseAutocreate: false }],
  ['digest.enabled=false', { digestEnabled: false }],
  ['closeSessionTxn.enabled=false', { closeSessionTxnEnabled: false }],
  ['serializeLastProcessedZxid.enabled=False', { serializeLastProcessedZxidEnabled: false }],
  ['fsync.warningthresholdms=20', { fsyncWarningThresholdMs: 20 }],
  ['flushDelay=9', { flushDelayMs: 9, writeQueuePollTimeMsMax: 3 }],
  ['maxBatchSize=0', { batchSizeMax: 0 }],
  ['jute.maxbuffer.extrasize=10', { juteBufferExtraBytes: 1024 }],
  ['extendedTypesEnabled=true', { extendedTypesEnabled: true }],
  ['4lw.commands.whitelist=stat, ruok ,,mntr', { fourLetterWords: ['srvr', 'stat', 'ruok', 'mntr'] }],
  ['4lw.commands.whitelist=*', { fourLetterWords: ['srvr', '*'] }],
  ['DigestAuthenticationProvider.enabled=false', { digestAuthenticationEnabled: false }],
  ['DigestAuthenticationProvider.digestAlg=SHA-256', { digestAuthenticationAlgorithm: 'sha256' }],
  ['DigestAuthenticationProvider.digestAlg=SHA3-256', { digestAuthenticationAlgorithm: 'sha3-256' }],
  [
    'DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs=',
    { superDigest: 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=' },
  ],
  ['menagerie.connectionWorkers=2', { connectionWorkers: 2 }],
  ['menagerie.replicaMemoryMb=64', { replicaMemoryBytesMax: 64 * MB }],
  ['menagerie.sessionsMax=7', { sessionsMax: 7 }],
  ['menagerie.requestRingKb=8192', { requestRingBytes: 8 * MB }],
  ['menagerie.clientInputBytesMax=2000000', { clientInputBytesMax: 2_000_000 }],
  ['menagerie.learnerQueueMb=8', { learnerQueueBytesMax: 8 * MB }],
  ['menagerie.clientOutputBytesMax=2000000', { clientOutputBytesMax: 2_000_000 }],
  ['menagerie.logFormat=json\nmenagerie.logLevel=DEBUG', { logFormat: 'json', logLevel: 'debug' }],
];

for (const [line, expected] of good) {
  test(`good: ${JSON.stringify(line)}`, () => {
    const { config, warnings } = read(`${least}${line}\n`);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(config[key as keyof ServerConfig], value, key);
    }
    assert.deepEqual(warnings, []);
  });
}

const whole = (unit: string, min: number, max: number) =>
  `must be a whole number of ${unit} from ${min} to ${max}`;
const bad: readonly (readonly [line: string, problem: string])[] = [
  ['tickTime=abc', whole('milliseconds', 1, 100_000_000)],
  ['tickTime=', whole('milliseconds', 1, 100_000_000)],
  ['tickTime=0', whole('milliseconds', 1, 100_000_000)],
  ['tickTime=2e3', whole('milliseconds', 1, 100_000_000)],
  [
    'tickTime=2000 # two seconds',
    `${whole('milliseconds', 1, 100_000_000)} (a comment needs a line of its own)`,
  ],
  ['maxClientCnxns=-2', whole('connections', -1, 2_147_483_647)],
  ['snapCount=1.5', whole('transactions', 0, 2_147_483_647)],
  ['forceSync=true', 'must be yes or no'],
  ['snapshot.compression.method=zip', 'must be gz, snappy or nothing'],
  ['autopurge.purgeInterval=daily', whole('hours', -1, 2_147_483_647)],
  ['skipACL=1', 'must be yes or no'],
  ['digest.enabled=yes', 'must be true or false'],
  ['menagerie.logLevel=loud', 'must be trace, debug, info, warn, error or fatal'],
  ['menagerie.logFormat=xml', 'must be pretty or json'],
  ['menagerie.connectionWorkers=0', whole('threads', 1, 64)],
  ['menagerie.replicaMemoryMb=20000', whole('megabytes', 16, 16_000)],
  ['menagerie.clientInputBytesMax=1000', whole('bytes', 1_048_579, 2_147_483_647)],
  ['menagerie.learnerQueueMb=3', whole('megabytes', 4, 2047)],
  ['menagerie.clientOutputBytesMax=1000', whole('bytes', 1_049_599, 2_147_483_647)],
  ['clientPortAddress=a b', 'must be a host name or an IP address'],
  ['dataLogDir=', 'must be the path of a directory'],
  [
    'DigestAuthenticationProvider.digestAlg=ROT13',
    'must be a digest that this Node.js has, such as SHA1, SHA-256, SHA-512 or SHA3-256',
  ],
  ['electionAlg=0', 'only 3 is supported; take the line out to start without it'],
  [
    'secureClientPort=2281',
    'TLS is not built yet, so there would be no secure port; take the line out to start without it',
  ],
  ['sslQuorum=true', 'TLS between servers is not built yet; take the line out to start without it'],
  [
    'sessionRequireClientSASLAuth=true',
    'SASL is not built yet, so clients could not be made to authenticate; take the line out to start without it',
  ],
  [
    'enforce.auth.enabled=true',
    'enforced authentication is not built yet, so anybody could connect; take the line out to start without it',
  ],
  [
    'dynamicConfigFile=/srv/zoo.cfg.dynamic',
    'it is not read yet: its server lines belong into zoo.cfg itself; take the line out to start without it',
  ],
];

for (const [line, problem] of bad) {
  test(`bad: ${JSON.stringify(line)}`, () => {
    assert.equal(refusal(`${least}# comment\n${line}\n`), `zoo.cfg:4: ${line}: ${problem}`);
  });
}

test('a bad client port', () => {
  const text = `dataDir=/srv/zk\nclientPort=70000\n`;
  assert.equal(refusal(text), 'zoo.cfg:2: clientPort=70000: must be a whole number from 0 to 65535');
});

test('secrets are not shown', () => {
  assert.match(
    refusal(`${least}DigestAuthenticationProvider.superDigest=hunter2\n`),
    /superDigest=\.\.\.: must be/,
  );
  const { warnings } = read(`${least}ssl.keyStore.password=hunter2\n`, {
    'zookeeper.ssl.trustStore.password': 'hunter2',
  });
  assert.equal(warnings.length, 2);
  assert.ok(!warnings.join().includes('hunter2'), warnings.join());
});

test('what must be there', () => {
  assert.equal(
    refusal('clientPort=2181\n'),
    'zoo.cfg: dataDir is missing: the directory for snapshots and logs',
  );
  assert.equal(
    refusal('dataDir=/srv/zk\n'),
    'zoo.cfg: clientPort is missing: the port that clients connect to',
  );
  assert.equal(
    refusal('dataDir=/srv/zk\nclientPortAddress=::1\n'),
    'zoo.cfg:2: clientPortAddress=::1: is set, but clientPort is not',
  );
  rmSync(file);
  assert.throws(() => readConfig(file, new Map(), machine), /zoo\.cfg: no such file/);
  assert.throws(() => readConfig(directory, new Map(), machine), /cannot be read: EISDIR/);
});

test('a malformed escape is a ConfigError with its line', () => {
  assert.match(refusal(`${least}dataLogDir=C:\\users\n`), /^zoo\.cfg:3: \\users is no character/);
});

test('minSessionTimeout larger than maxSessionTimeout', () => {
  assert.equal(
    refusal(`${least}minSessionTimeout=5000\nmaxSessionTimeout=4000\n`),
    'zoo.cfg:4: maxSessionTimeout=4000: minSessionTimeout (5000 ms) must not be larger than maxSessionTimeout (4000 ms);' +
      ' without their lines they are 2 and 20 times tickTime (3000 ms)',
  );
  assert.match(
    refusal(`${least}minSessionTimeout=90000\n`),
    /^zoo\.cfg:3: minSessionTimeout=90000: .*\(60000 ms\)/,
  );
  assert.match(refusal(`${least}minSessionTimeout=0\nmaxSessionTimeout=0\n`), /must be at least 1 ms/);
});

test('system properties: zoo.cfg wins, but for those without prefix', () => {
  const system = {
    'zookeeper.snapCount': '10',
    'zookeeper.preAllocSize': '64',
    'menagerie.sessionsMax': '5',
    'jute.maxbuffer': '0x1fffff',
    'com.sun.management.jmxremote': 'true',
  };
  const { config, warnings } = read(`${least}snapCount=20\njute.maxbuffer=4096\n`, system);
  assert.equal(config.snapCount, 20);
  assert.equal(config.preAllocSizeBytes, 64 * 1024);
  assert.equal(config.sessionsMax, 5);
  assert.equal(config.juteBufferBytesMax, 0x1fffff);
  assert.deepEqual(warnings, ['-Dzookeeper.snapCount=10: has no effect: zoo.cfg:3 wins']);
});

test('jute.maxbuffer in zoo.cfg counts, with a warning, and limits grow with it', () => {
  const { config, warnings } = read(`${least}jute.maxbuffer=8388608\nmenagerie.requestRingKb=4096\n`);
  assert.equal(config.juteBufferBytesMax, 8 * MB);
  assert.equal(config.requestRingBytes, 32 * MB + 64 * 1024);
  assert.equal(config.logRingBytes, 32 * MB + 64 * 1024);
  assert.equal(config.commitRingBytes, 96 * MB + 64 * 1024);
  assert.equal(config.clientInputBytesMax, 16 * MB);
  assert.equal(config.clientOutputBytesMax, 16 * MB);
  assert.deepEqual(warnings, [
    'zoo.cfg:3: jute.maxbuffer=8388608: counts here, but Apache ZooKeeper takes it only from -Djute.maxbuffer (SERVER_JVMFLAGS)',
    'zoo.cfg:4: menagerie.requestRingKb=4096: is too little for what jute.maxbuffer allows: 32832 is taken',
  ]);
});

test('fsync.warningthresholdms has two names', () => {
  const both = { 'fsync.warningthresholdms': '7', 'zookeeper.fsync.warningthresholdms': '8' };
  assert.equal(read(least, both).config.fsyncWarningThresholdMs, 8);
  assert.equal(read(least, { 'fsync.warningthresholdms': '7' }).config.fsyncWarningThresholdMs, 7);
  assert.deepEqual(read(`${least}fsync.warningthresholdms=7\n`, both).warnings, [
    '-Dzookeeper.fsync.warningthresholdms=8: has no effect: zoo.cfg:3 wins',
  ]);
});

test('readonlymode.enabled lets isro through', () => {
  const { config } = read(least, { 'readonlymode.enabled': 'true' });
  assert.deepEqual(config.fourLetterWords, ['srvr', 'isro']);
});

test('system properties that do nothing are named', () => {
  const system = {
    'zookeeper.tickTime': '5',
    'zookeeper.initLimit': '5',
    'zookeeper.jute.maxbuffer': '5',
    'zookeeper.snapcount': '5',
    'menagerie.sessionMax': '5',
    'java.security.auth.login.config': '/srv/jaas.conf',
    'zookeeper.root.logger': 'INFO,CONSOLE',
    'user.timezone': 'UTC',
  };
  assert.deepEqual(read(least, system).warnings, [
    '-Dzookeeper.tickTime=5: has no effect: tickTime counts in zoo.cfg only',
    '-Dzookeeper.initLimit=5: has no effect: initLimit counts in zoo.cfg only',
    '-Dzookeeper.jute.maxbuffer=5: has no effect: the name is jute.maxbuffer, without "zookeeper."',
    '-Dzookeeper.snapcount=5: unknown key, ignored; is snapCount meant?',
    '-Dmenagerie.sessionMax=5: unknown key, ignored; is menagerie.sessionsMax meant?',
    '-Djava.security.auth.login.config=/srv/jaas.conf: SASL is not built yet',
  ]);
  assert.match(
    refusal(least, { 'zookeeper.enforce.auth.enabled': 'true' }),
    /^-Dzookeeper\.enforce\.auth\.enabled=true: /,
  );
  assert.match(
    refusal(least, { 'zookeeper.snapCount': 'x' }),
    /^-Dzookeeper\.snapCount=x: must be a whole number/,
  );
});

test('odd lines warn and go on', () => {
  const lines = [
    'ticktime=5',
    'clientPrt=1',
    'zookeeper.snapCount=1',
    'somebodys.own=1',
    'snapCount=0',
    'forceSync=no',
    'skipACL=yes',
    '4lw.commands.whitelist=ruok,rouk',
    'autopurge.purgeInterval=1',
    'autopurge.snapRetainCount=2',
    'metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider',
    'metricsProvider.httpPort=7000',
    'admin.serverPort=8081',
    'authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider',
    'pathStats.enabled=true',
    'audit.enable=true',
  ];
  const { config, warnings } = read(`${least}${lines.join('\n')}\n`);
  assert.equal(config.snapCount, 2);
  assert.deepEqual(warnings, [
    'zoo.cfg:7: snapCount=0: the least is 2, which is taken',
    'zoo.cfg:8: forceSync=no: acknowledged writes can be lost when the machine stops',
    'zoo.cfg:12: autopurge.snapRetainCount=2: the least is 3, which is taken',
    'zoo.cfg:9: skipACL=yes: every client may read and write everything',
    'zoo.cfg:10: 4lw.commands.whitelist=ruok,rouk: "rouk" is no four-letter word',
    'zoo.cfg:3: ticktime=5: unknown key, ignored; is tickTime meant?',
    'zoo.cfg:4: clientPrt=1: unknown key, ignored; is clientPort meant?',
    'zoo.cfg:5: zookeeper.snapCount=1: unknown key, ignored: in zoo.cfg it is written snapCount',
    'zoo.cfg:6: somebodys.own=1: unknown key, ignored',
    'zoo.cfg:13: metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider:' +
      ' metrics over HTTP are not built yet: the word mntr gives them',
    'zoo.cfg:15: admin.serverPort=8081: the admin server is not built yet',
    'zoo.cfg:16: authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider:' +
      ' further authentication providers are not built yet: digest and ip are there',
    'zoo.cfg:17: pathStats.enabled=true: path statistics are not built yet',
    'zoo.cfg:18: audit.enable=true: the audit log is not built yet: nothing is audited',
  ]);
});

test('what asks for nothing says nothing', () => {
  const lines = [
    ...['initLimit=10', 'syncLimit=5', 'electionAlg=3', 'peerType=participant', 'standaloneEnabled=true'],
    ...['autopurge.purgeInterval=0', 'admin.enableServer=false', 'admin.serverPort=1', 'sslQuorum=false'],
    ...[
      'secureClientPort=0',
      'reconfigEnabled=false',
      'commitProcessor.numWorkerThreads=4',
      'quorum.auth.enableSasl=false',
    ],
    ...[
      'metricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider',
      'leaderServes=yes',
    ],
  ];
  assert.deepEqual(read(`${least}${lines.join('\n')}\n`).warnings, []);
});

test('the last of two lines with a key counts', () => {
  const { config, warnings } = read(`tickTime=1000\n${least}tickTime=2000\n`);
  assert.equal(config.tickTimeMs, 2000);
  assert.deepEqual(warnings, ['zoo.cfg:4: tickTime was set before, at zoo.cfg:1: the last one counts']);
});

test('files as people have them: byte order mark, CRLF, blanks, no last newline', () => {
  const text = `\uFEFF# Zookeeper\r\n\r\n tickTime = 2000 \r\n\tdataDir=/srv/zk\t\r\nclientPort 2181`;
  const { config, warnings } = read(Buffer.from(text));
  assert.equal(config.tickTimeMs, 2000);
  assert.equal(config.dataDir, '/srv/zk');
  assert.equal(config.clientPort, 2181);
  assert.deepEqual(warnings, []);
});

test('paths: relative to the working directory, beyond ASCII as Java reads them', () => {
  const { config, warnings } = read('dataDir=data\ndataLogDir=/srv/ä\nclientPort=2181\n');
  assert.equal(config.dataDir, '/srv/data');
  assert.equal(config.dataLogDir, '/srv/Ã¤');
  assert.equal(warnings[0], 'zoo.cfg:1: dataDir=data: is relative and means /srv/data (./data says so)');
  assert.match(warnings[1], /^zoo\.cfg:2: .*read as ISO-8859-1, as Java does$/);
});

test('clientPort=0 takes any free port', () => {
  const { config, warnings } = read('dataDir=/srv/zk\nclientPort=0\n');
  assert.equal(config.clientPort, 0);
  assert.deepEqual(warnings, ['zoo.cfg:2: clientPort=0: takes any free port']);
});

test('one server line is standalone and may name the client port', () => {
  const one = read('dataDir=/srv/zk\nserver.1=a:2888:3888:participant;127.0.0.1:2182\ngroup.1=1\n');
  assert.equal(one.config.clientPort, 2182);
  assert.equal(one.config.clientPortAddress, '127.0.0.1');
  assert.equal(one.config.ensemble, null);
  assert.deepEqual(one.warnings, [
    'zoo.cfg:2: server.1=a:2888:3888:participant;127.0.0.1:2182: only one server: runs standalone',
  ]);
  assert.equal(read(`${least}server.1=a:2888:3888\n`).config.clientPort, 2181);
  assert.equal(read(`${least}server.1=a:2888:3888;2181\n`).config.clientPortAddress, null);
  assert.match(
    refusal(`${least}server.1=a:2888:3888;2182\n`),
    /its client port is not clientPort=2181 \(zoo\.cfg:2\)$/,
  );
  assert.match(refusal(`${least}server.1=a:2888:3888;x\n`), /^zoo\.cfg:3: .*: "x" is no client port/);
});

test('myid', () => {
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir);
  const withId = (text: string, more = '') => {
    writeFileSync(join(dataDir, 'myid'), text);
    return `${least}${more}`;
  };
  assert.equal(read(withId('5\n')).config.serverId, 5);
  assert.equal(read(withId(' 255')).config.serverId, 255);
  const outside = read(withId('300\n'));
  assert.equal(outside.config.serverId, 1);
  assert.equal(outside.warnings.length, 1);
  assert.equal(refusal(withId('five\n')), 'data/myid: "five": must be a number from 1 to 255');
  assert.match(refusal(withId('255\n', 'extendedTypesEnabled=true\n')), /^data\/myid: must be at most 254/);
});
