import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, readConfig } from '../../src/server/config.ts';
import type { EnsembleConfig } from '../../src/server/ensemble-config.ts';
import { Ensemble } from '../../src/zab/ensemble.ts';

const directory = mkdtempSync(join(tmpdir(), 'menagerie-ensemble-config-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const file = join(directory, 'zoo.cfg');
const dataDir = join(directory, 'data');
mkdirSync(dataDir);
const least = `dataDir=${dataDir}\nclientPort=2181\ninitLimit=10\nsyncLimit=5\n`;
const three = 'server.1=zoo1:2888:3888\nserver.2=zoo2:2888:3888\nserver.3=zoo3:2888:3888\n';

function writeId(myid: string | null): void {
  rmSync(join(dataDir, 'myid'), { force: true, recursive: true });
  if (myid !== null) writeFileSync(join(dataDir, 'myid'), myid);
}

/** Messages come back with the temporary directory left out. */
function read(text: string, system: Record<string, string> = {}, myid: string | null = '1\n') {
  writeId(myid);
  writeFileSync(file, text);
  const machine = { cores: 2, memoryBytes: 2 ** 32, workingDirectory: directory };
  const { config, warnings } = readConfig(file, new Map(Object.entries(system)), machine);
  return { config, warnings: warnings.map((line) => line.replaceAll(`${directory}/`, '')) };
}

function member(text: string, system: Record<string, string> = {}): EnsembleConfig {
  const { ensemble } = read(text, system).config;
  assert.ok(ensemble !== null);
  return ensemble;
}

function refusal(text: string, myid: string | null = '1\n'): string {
  let message = 'was accepted';
  assert.throws(
    () => read(text, {}, myid),
    (error) => {
      message = (error as Error).message.replaceAll(`${directory}/`, '');
      return error instanceof ConfigError && error.exitCode === 2;
    },
  );
  assert.ok(!message.includes('\n'), message);
  return message;
}

test('the configuration of every guide: three servers and a myid', () => {
  const { config, warnings } = read(least + three, {}, '2\n');
  const expected: EnsembleConfig = {
    text:
      'server.1=zoo1:2888:3888:participant\nserver.2=zoo2:2888:3888:participant\n' +
      'server.3=zoo3:2888:3888:participant\nversion=0',
    servers: [1, 2, 3].map((sid) => ({
      sid,
      addresses: [{ host: `zoo${sid}`, quorumPort: 2888, electionPort: 3888 }],
      role: 'participant',
      client: null,
    })),
    isObserver: false,
    initLimitTicks: 10,
    syncLimitTicks: 5,
    connectToLearnerMasterLimitTicks: 10,
    leaderServes: true,
    localSessionsEnabled: false,
    localSessionsUpgradingEnabled: false,
    listensOnAllAddresses: false,
    electionPortBindsMax: 3,
    electionConnectTimeoutMs: 5000,
    electionReadTimeoutMs: 15_000,
    electionTcpKeepAlive: false,
    leaderNoDelay: true,
    followerNoDelay: true,
    leaderConnectDelayMs: 100,
    minNotificationIntervalMs: 200,
    maxNotificationIntervalMs: 60_000,
    maxTimeToWaitForEpochMs: -1,
    observerSnapSyncsMax: 10,
    observerDiffSyncsMax: 100,
    forceSnapshotSync: false,
    commitLogCount: 500,
    snapshotSizeFactor: 0.33,
    observerReconnectDelayMs: 0,
    observerElectionDelayMsMax: 200,
    observerSyncEnabled: true,
  };
  assert.deepEqual(config.ensemble, expected);
  assert.equal(config.serverId, 2);
  assert.deepEqual(warnings, []);
  assert.ok(Object.isFrozen(config.ensemble) && Object.isFrozen(config.ensemble?.servers));
  assert.deepEqual(structuredClone(config.ensemble), expected, 'can be handed to a worker');
  assert.deepEqual(Ensemble.parse(expected.text).voters, [1, 2, 3]);
});

const good: [lines: string, expected: Partial<EnsembleConfig>][] = [
  ['connectToLearnerMasterLimit=3', { connectToLearnerMasterLimitTicks: 3 }],
  ['leaderServes=no', { leaderServes: false }],
  ['quorumListenOnAllIPs=true', { listensOnAllAddresses: true }],
  ['electionPortBindRetry=0', { electionPortBindsMax: 0 }],
  ['cnxTimeout=100', { electionConnectTimeoutMs: 100 }],
  ['quorumCnxnTimeoutMs=70', { electionReadTimeoutMs: 70 }],
  ['tickTime=100\nquorumCnxnTimeoutMs=-1', { electionReadTimeoutMs: 500 }],
  ['tcpKeepAlive=true', { electionTcpKeepAlive: true }],
  ['leaderConnectDelayDuringRetryMs=5', { leaderConnectDelayMs: 5 }],
  ['fastleader.minNotificationInterval=50', { minNotificationIntervalMs: 50 }],
  ['fastleader.maxNotificationInterval=900', { maxNotificationIntervalMs: 900 }],
  ['forceSnapshotSync=true', { forceSnapshotSync: true }],
  ['snapshotSizeFactor=-1', { snapshotSizeFactor: -1 }],
  ['snapshotSizeFactor=0.5', { snapshotSizeFactor: 0.5 }],
  ['observer.reconnectDelayMs=7', { observerReconnectDelayMs: 7 }],
  ['observer.election.DelayMs=8', { observerElectionDelayMsMax: 8 }],
  ['syncEnabled=false', { observerSyncEnabled: false }],
  ['syncEnabled=false\nobserver.syncEnabled=true', { observerSyncEnabled: true }],
  ['learner.asyncSending=true\nlearner.closeSocketAsync=true\nleader.closeSocketAsync=true', {}],
  ['electionAlg=3\nstandaloneEnabled=true\npeerType=participant\nquorum.cnxn.threads.size=20', {}],
];

for (const [lines, expected] of good) {
  test(`good: ${JSON.stringify(lines)}`, () => {
    const { config, warnings } = read(`${least}${three}${lines}\n`);
    for (const [key, value] of Object.entries(expected))
      assert.deepEqual(config.ensemble?.[key as keyof EnsembleConfig], value, key);
    assert.deepEqual(warnings, []);
    assert.equal(
      read(`${least}${lines}\n`, {}, null).config.ensemble,
      null,
      'harmless where it is no ensemble',
    );
  });
}

/** Read as they should be, with what is said of them. */
const unbuilt: [line: string, expected: Partial<EnsembleConfig>, warning: string][] = [
  [
    'leader.maxTimeToWaitForEpoch=1000',
    { maxTimeToWaitForEpochMs: 1000 },
    'has no effect yet: a leader waits initLimit for its quorum',
  ],
  [
    'leader.maxConcurrentSnapSyncs=1',
    { observerSnapSyncsMax: 1 },
    'has no effect yet: any number of learners is sent a snapshot at a time',
  ],
  [
    'leader.maxConcurrentDiffSyncs=2',
    { observerDiffSyncsMax: 2 },
    'has no effect yet: any number of learners is sent txns at a time',
  ],
  [
    'commitLogCount=10',
    { commitLogCount: 500 },
    'has no effect: how many txns are kept for learners goes by menagerie.committedLogMb',
  ],
  ['tcpKeepAlive=false', { electionTcpKeepAlive: false }, 'has no effect: it is always on'],
  ['reconfigEnabled=true', {}, 'reconfig is not built yet: clients get UNIMPLEMENTED'],
  [
    'multiAddress.enabled=TRUE',
    {},
    'in part: all addresses are listened on and tried, but servers that are called are told the first one only',
  ],
];

for (const [line, expected, warning] of unbuilt) {
  test(`not built, and said so: ${line}`, () => {
    const { config, warnings } = read(`${least}${three}${line}\n`);
    for (const [key, value] of Object.entries(expected))
      assert.deepEqual(config.ensemble?.[key as keyof EnsembleConfig], value, key);
    assert.deepEqual(warnings, [`zoo.cfg:8: ${line}: ${warning}`]);
    assert.deepEqual(
      read(`${least}${line}\n`, {}, null).warnings,
      [],
      'a standalone server does not need it',
    );
  });
}

test('system properties that ask for what is not built', () => {
  const given = {
    'leader.nodelay': 'false',
    'zookeeper.tcpKeepAlive': 'false',
  };
  assert.deepEqual(read(least + three, given).warnings.sort(), [
    '-Dleader.nodelay=false: has no effect: packets are always sent at once, many in a write',
    '-Dzookeeper.tcpKeepAlive=false: has no effect: it is always on',
  ]);
  const { warnings } = read(`${least}${three}follower.nodelay=false\n`);
  assert.deepEqual(warnings, [
    'zoo.cfg:8: follower.nodelay=false: counts here, but Apache ZooKeeper takes it only from -Dfollower.nodelay (SERVER_JVMFLAGS)',
    'zoo.cfg:8: follower.nodelay=false: has no effect: packets are always sent at once, many in a write',
  ]);
});

test('keys of observers concern observers alone', () => {
  const lines = 'observer.reconnectDelayMs=7\nobserver.election.DelayMs=8\nsyncEnabled=false\n';
  const config = `${least}${three}server.4=d:1:2:observer\n${lines}`;
  assert.deepEqual(read(config).warnings, []);
  assert.deepEqual(read(config, {}, '4\n').warnings, [
    'zoo.cfg:9: observer.reconnectDelayMs=7: has no effect yet: an observer looks for a leader at once',
    'zoo.cfg:10: observer.election.DelayMs=8: has no effect yet: an observer looks for a leader at once',
    'zoo.cfg:11: syncEnabled=false: has no effect yet: an observer always writes log and snapshots',
  ]);
  const onceMore = config.replace('syncEnabled=false', 'observer.syncEnabled=false');
  assert.match(
    read(onceMore, {}, '4\n').warnings[2],
    /^zoo\.cfg:11: observer\.syncEnabled=false: has no effect yet/,
  );
});

test('system properties count as they do in Apache', () => {
  const { leaderServes, minNotificationIntervalMs, leaderNoDelay } = member(least + three, {
    'zookeeper.leaderServes': 'no',
    'zookeeper.fastleader.minNotificationInterval': '30',
    'leader.nodelay': 'false',
  });
  assert.deepEqual([leaderServes, minNotificationIntervalMs, leaderNoDelay], [false, 30, false]);
});

test('roles, client ports, IPv6, groups and weights', () => {
  const lines = [
    'server.1=[fe80::1]:2888:3888:participant;[::1]:2182',
    'server.2=zoo2:2888:3888;2182',
    'server.3=zoo3:2888:3888',
    'server.4=zoo4:2888:3888:observer;2182',
    ...['group.1=1:2', 'group.2=3', 'weight.3=5'],
  ];
  const base = `dataDir=${dataDir}\ninitLimit=10\nsyncLimit=5\n${lines.join('\n')}\n`;
  const { config } = read(base);
  assert.equal(config.clientPort, 2182);
  assert.equal(config.clientPortAddress, '::1');
  assert.equal(
    config.ensemble?.text,
    [
      'server.1=[fe80::1]:2888:3888:participant;[::1]:2182',
      'server.2=zoo2:2888:3888:participant;0.0.0.0:2182',
      'server.3=zoo3:2888:3888:participant',
      'server.4=zoo4:2888:3888:observer;0.0.0.0:2182',
      ...['group.1=1:2', 'group.2=3', 'weight.3=5', 'version=0'],
    ].join('\n'),
  );
  assert.equal(read(base, {}, '2').config.clientPortAddress, null);
  assert.equal(read(base, {}, '4').config.ensemble?.isObserver, true);
  assert.match(refusal(base, '3'), /^zoo\.cfg: clientPort is missing/);
});

test('several addresses of a server need their switch', () => {
  const lines = 'server.1=a:1:2|b:1:2\nserver.2=c:1:2\nserver.3=d:1:2\n';
  assert.match(refusal(least + lines), /^zoo\.cfg:5: server\.1=.*need multiAddress\.enabled=true$/);
  const { servers } = member(`${least}${lines}multiAddress.enabled=true\n`);
  assert.deepEqual(
    servers[0].addresses.map(({ host }) => host),
    ['a', 'b'],
  );
});

test('one voter is an ensemble where it may not stand alone', () => {
  const one = 'server.1=a:2888:3888\n';
  assert.equal(read(least + one).config.ensemble, null);
  assert.equal(member(`${least}${one}standaloneEnabled=false\n`).servers.length, 1);
  const observed = `${one}server.2=b:2888:3888:observer\n`;
  assert.match(refusal(least + observed), /observers of a single server\.1 need standaloneEnabled=false/);
  assert.equal(member(`${least}${observed}standaloneEnabled=false\n`).servers.length, 2);
});

test('names are not resolved: a dead one is no reason not to start', () => {
  assert.equal(member(least + three.replace('zoo2', 'no.such.host.invalid')).servers.length, 3);
});

test('what is odd is said', () => {
  const warningsOf = (text: string) => read(least + text).warnings;
  assert.deepEqual(warningsOf('server.1=a:1:2\nserver.2=b:1:2\n'), [
    'zoo.cfg: two voting servers go on without neither: have three',
  ]);
  assert.deepEqual(warningsOf(`${three}server.4=d:1:2\n`), [
    'zoo.cfg: 4 voting servers go on without as many as 3 do: an odd number is better',
  ]);
  assert.deepEqual(warningsOf(`${three}peerType=observer\n`), [
    'zoo.cfg:8: peerType=observer: has no effect: server.1 is a participant by its line',
  ]);
  assert.deepEqual(warningsOf('peerType=observer\n'), [
    'zoo.cfg:5: peerType=observer: has no effect: a standalone server observes nobody',
  ]);
  assert.deepEqual(warningsOf(`${three}observerMasterPort=2191\n`), [
    'zoo.cfg:8: observerMasterPort=2191: observers cannot connect to followers yet: they go to the leader',
  ]);
});

const bad: [text: string, message: string | RegExp][] = [
  ['server.x=a:2888:3888', 'zoo.cfg:5: server.x=a:2888:3888: the key must be server.N with N a number'],
  ['server.256=a:2888:3888', /^zoo\.cfg:5: .*256 is no server's number: must be from 0 to 255$/],
  ['server.1=a:2888', /^zoo\.cfg:5: server\.1=a:2888: must be host:quorumPort:electionPort/],
  ['server.1=::1:2888:3888', /^zoo\.cfg:5: .*an IPv6 address needs brackets/],
  [
    `${three}server.2=zoo4:2888:3888`,
    'zoo.cfg:8: server.2=zoo4:2888:3888: server.2 is there twice: see zoo.cfg:6',
  ],
  [`${three}server.02=zoo4:2888:3888`, 'zoo.cfg:8: server.02=zoo4:2888:3888: server 2 is there twice'],
  [
    `${three}server.4=ZOO1:2888:3889`,
    "zoo.cfg: the server lines do not fit: server 1's quorum port and server 4's quorum port are both at ZOO1 port 2888",
  ],
  ['server.1=a:2888:3888:observer', /^zoo\.cfg: all server lines are observers/],
  ['standaloneEnabled=false', /^zoo\.cfg: standaloneEnabled=false .* no server line$/],
  [`${three}weight.1=2`, /^zoo\.cfg: the server lines do not fit: weights need groups: add group\.1=1:2:3$/],
  [`${three}group.1=1:2`, /^zoo\.cfg: the server lines do not fit: server 3 is in no group$/],
  [`${three}group.1=1,2`, /^zoo\.cfg:8: group\.1=1,2: must be the numbers of servers, as in 1:2:3$/],
  [`${three}group.1=1:2\ngroup.1=3`, 'zoo.cfg:9: group.1=3: group.1 is there twice: see zoo.cfg:8'],
  [`${three}electionAlg=1`, /^zoo\.cfg:8: electionAlg=1: only 3 is supported/],
  [`${three}leaderServes=maybe`, 'zoo.cfg:8: leaderServes=maybe: must be yes or no'],
  [`${three}peerType=voter`, 'zoo.cfg:8: peerType=voter: must be participant or observer'],
  [`${three}initLimit=-1`, /initLimit=-1: must be a whole number of ticks from 0/],
  [`${three}fastleader.minNotificationInterval=70000`, /must not be larger than fastleader\.maxNotification/],
  [`${three}fastleader.maxNotificationInterval=100`, /minNotificationInterval \(200 ms\) must not be larger/],
  [`${three}snapshotSizeFactor=third`, /must be a number from/],
  [`${three}quorum.auth.enableSasl=true`, /^zoo\.cfg:8: .*SASL between servers is not built yet/],
  [`${three}sslQuorum=true`, /^zoo\.cfg:8: .*TLS between servers is not built yet/],
  [`${three}initLimit=0`, /^zoo\.cfg: initLimit is missing: how many ticks/],
  [`${three}syncLimit=0`, /^zoo\.cfg: syncLimit is missing: how many ticks/],
];

for (const [text, message] of bad) {
  test(`bad: ${JSON.stringify(text.slice(-60))}`, () => {
    const said = refusal(`${least}${text}\n`);
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
  });
}

test('myid of a member', () => {
  const ids: [text: string | null, message: string][] = [
    [null, "data/myid: no such file: it must hold this server's number, one of 1, 2, 3"],
    ['', 'data/myid: "": must be this server\'s number, one of 1, 2, 3'],
    ['one\n', 'data/myid: "one": must be this server\'s number, one of 1, 2, 3'],
    ['1.5', 'data/myid: "1.5": must be this server\'s number, one of 1, 2, 3'],
    ['256', 'data/myid: 256: must be a number from 0 to 255, one of 1, 2, 3'],
    ['-1', 'data/myid: -1: must be a number from 0 to 255, one of 1, 2, 3'],
    ['7', 'data/myid: 7: there is no line server.7; those that are there: 1, 2, 3'],
  ];
  for (const [text, message] of ids) assert.equal(refusal(least + three, text), message);
  writeId(null);
  mkdirSync(join(dataDir, 'myid'));
  writeFileSync(file, least + three);
  assert.throws(
    () => readConfig(file, new Map(), { cores: 1, memoryBytes: 2 ** 30, workingDirectory: '/' }),
    (error) => error instanceof ConfigError && /myid: cannot be read: EISDIR/.test(error.message),
  );
  writeId(null);
  assert.equal(read(least + three, {}, ' 3 \r\n# comment').config.serverId, 3);
  assert.equal(read(`${least}server.0=a:1:2\nserver.1=b:1:2\nserver.2=c:1:2\n`, {}, '0').config.serverId, 0);
});

test('local sessions: flags as Apache takes them, and what one is without the other', () => {
  const both = 'localSessionsEnabled=TRUE\nlocalSessionsUpgradingEnabled=true\n';
  const { config, warnings } = read(`${least}${three}${both}`);
  assert.equal(config.ensemble?.localSessionsEnabled, true);
  assert.equal(config.ensemble?.localSessionsUpgradingEnabled, true);
  assert.deepEqual(warnings, []);
  assert.deepEqual(read(`${least}${three}localSessionsUpgradingEnabled=true\n`).warnings, [
    'zoo.cfg:8: localSessionsUpgradingEnabled=true: has no effect: without localSessionsEnabled=true no session is local',
  ]);
  assert.deepEqual(read(`${least}localSessionsEnabled=true\n`, {}, null).warnings, [
    'zoo.cfg:5: localSessionsEnabled=true: has no effect: a standalone server has no others to keep a session from',
  ]);
  assert.throws(
    () => read(`${least}${three}localSessionsEnabled=yes\n`),
    /zoo\.cfg:8: localSessionsEnabled=yes/,
  );
});

test('a new session that is local takes its own number of tokens', () => {
  const weights = {
    'zookeeper.connection_throttle_weight_enabled': 'true',
    'zookeeper.connection_throttle_global_session_weight': '7',
    'zookeeper.connection_throttle_local_session_weight': '2',
  };
  const tokens = (text: string, myid: string | null = '2') =>
    read(text, weights, myid).config.connectionThrottle.newSessionTokens;
  assert.equal(tokens(least + three), 7);
  assert.equal(tokens(`${least}${three}localSessionsEnabled=true\n`), 2);
  assert.equal(tokens(`${least}localSessionsEnabled=true\n`, null), 7);
});
