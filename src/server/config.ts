import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SnapshotCompression } from '../storage/snapshot-source.ts';
import type { Ensemble } from '../zab/ensemble.ts';
import { parseDigestAlgorithm, parseWhitelist, reportUnreadKeys } from './config-checks.ts';
import type { ConnectionThrottleOptions } from './connection-throttle.ts';
import { readEnsembleConfig, readEnsembleId } from './ensemble-config.ts';
import { readServerLines, type ServerLineClientPort } from './ensemble-lines.ts';
import { logFormats, logLevels } from './logging.ts';
import { PropertiesError, type Property, parseProperties } from './properties.ts';
import type { ServerConfig } from './server-config.ts';
import { ConfigError, type Setting, Settings } from './settings.ts';

export type { ServerConfig } from './server-config.ts';
export { ConfigError } from './settings.ts';

/** What the defaults depend on. */
export interface MachineFacts {
  readonly cores: number;
  readonly memoryBytes: number;
  /** Relative paths are resolved against it, as Java does. */
  readonly workingDirectory: string;
}

export interface ConfigResult {
  readonly config: ServerConfig;
  /** One line each, with the place. */
  readonly warnings: readonly string[];
}

const KB = 1024;
const MB = 1024 * 1024;
const INT_MAX = 2_147_483_647;
/** The longest jute.maxbuffer (and slack): the commits ring for it still fits the largest ring, of 1 GiB. */
const JUTE_BUFFER_BYTES_MAX = 64 * MB;
const RING_BYTES_MAX = 1024 * MB;
/** What surrounds the data in the longest reply (headers, lengths, Stat), rounded up. */
const REPLY_OVERHEAD_BYTES = 1024;

/**
 * Reads a zoo.cfg. `systemProperties` are those given as `-Dname=value`, names in full (`zookeeper.snapCount`,
 * `jute.maxbuffer`). A line of zoo.cfg wins over -D, as in Apache, whose parser sets the system property; the few that
 * have no prefix `zookeeper.` are the other way round. Throws {@link ConfigError}, whose message is one line.
 */
export function readConfig(
  file: string,
  systemProperties: ReadonlyMap<string, string>,
  machine: MachineFacts,
): ConfigResult {
  return interpretConfig(file, readProperties(file), systemProperties, machine);
}

/**
 * {@link readConfig} of lines that were read already. `onIdError` hears what is wrong with myid, instead of the caller:
 * then the id of any server is taken.
 */
export function interpretConfig(
  file: string,
  properties: readonly Property[],
  systemProperties: ReadonlyMap<string, string>,
  machine: MachineFacts,
  onIdError?: (error: ConfigError) => void,
): ConfigResult {
  const settings = new Settings(file, properties, systemProperties);
  const jute = juteLimits(settings);
  const directories = dataDirectories(settings, machine);
  const lines = readServerLines(settings);
  const ensemble = lines.kind === 'ensemble' ? lines.ensemble : null;
  const serverId = readId(settings, directories.dataDir, ensemble, onIdError);
  const serverLine = lines.kind === 'ensemble' ? lines.clientPortOf(serverId) : lines.clientPort;
  const timeouts = sessionTimeouts(settings);
  const config: ServerConfig = {
    configFile: resolve(machine.workingDirectory, file),
    ...directories,
    ...clientPort(settings, serverLine),
    ...timeouts,
    ...connectionLimits(settings),
    ...requestLimits(settings),
    connectionThrottle: connectionThrottle(settings, ensemble !== null),
    ...jute,
    ...storage(settings),
    ...snapshotFiles(settings),
    ...access(settings),
    ...ownLimits(settings, machine, jute),
    serverId,
    ensemble: readEnsembleConfig(settings, ensemble, serverId, timeouts.tickTimeMs),
  };
  if (config.extendedTypesEnabled && config.serverId > 254) {
    throw new ConfigError(
      `${join(config.dataDir, 'myid')}: must be at most 254 with extendedTypesEnabled=true`,
    );
  }
  reportUnreadKeys(settings);
  Object.freeze(config.fourLetterWords);
  return { config: Object.freeze(config), warnings: settings.warnings };
}

function readProperties(file: string): Property[] {
  try {
    return parseProperties(readFileSync(file));
  } catch (error) {
    if (error instanceof PropertiesError) throw new ConfigError(`${file}:${error.line}: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new ConfigError(`${file}: no such file (conf/zoo_sample.cfg shows what it holds)`);
    throw new ConfigError(`${file}: cannot be read: ${message}`);
  }
}

function dataDirectories(settings: Settings, machine: MachineFacts) {
  const directory = (key: string) => {
    const setting = settings.find(key, 'parser');
    if (setting === null) return null;
    if (setting.value === '') throw settings.error(setting, 'must be the path of a directory');
    const absolute = resolve(machine.workingDirectory, setting.value);
    if (!/^\.{0,2}\//.test(setting.value)) {
      settings.warn(setting, `is relative and means ${absolute} (./${setting.value} says so)`);
    }
    if (/[^\p{ASCII}]/u.test(setting.value)) {
      settings.warn(setting, 'has characters beyond ASCII, which are read as ISO-8859-1, as Java does');
    }
    return absolute;
  };
  const dataDir = directory('dataDir');
  const dataLogDir = directory('dataLogDir');
  if (dataDir === null)
    throw new ConfigError(`${settings.fileName}: dataDir is missing: the directory for snapshots and logs`);
  return {
    dataDir,
    dataLogDir: dataLogDir ?? dataDir,
    dataDirAutocreate: settings.flag('datadir.autocreate', 'property', true),
    databaseAutocreate: settings.flag('db.autocreate', 'property', true),
  };
}

function readId(
  settings: Settings,
  dataDir: string,
  ensemble: Ensemble | null,
  onError?: (error: ConfigError) => void,
): number {
  try {
    return ensemble === null ? readServerId(settings, dataDir) : readEnsembleId(dataDir, ensemble);
  } catch (error) {
    if (!(error instanceof ConfigError) || onError === undefined) throw error;
    onError(error);
    return ensemble?.servers.keys().next().value ?? 1;
  }
}

/** Apache takes the id of a standalone server for 1 whatever myid says; members of an ensemble bring theirs along. */
function readServerId(settings: Settings, dataDir: string): number {
  const file = join(dataDir, 'myid');
  let text: string;
  try {
    text = readFileSync(file, 'latin1').split('\n', 1)[0].trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 1;
    throw new ConfigError(`${file}: cannot be read: ${message}`);
  }
  if (!/^-?\d+$/.test(text)) throw new ConfigError(`${file}: "${text}": must be a number from 1 to 255`);
  const id = Number(text);
  if (id >= 1 && id <= 255) return id;
  settings.warnings.push(`${file}: ${text} is not from 1 to 255: a standalone server takes 1 instead`);
  return 1;
}

function clientPort(settings: Settings, serverLine: ServerLineClientPort | null) {
  const setting = settings.find('clientPort', 'parser');
  const port = settings.wholeNumber('clientPort', 'parser', {
    default: 0,
    min: 0,
    max: 65_535,
    unit: null,
  });
  const address = settings.find('clientPortAddress', 'parser');
  if (address !== null && setting === null) throw settings.error(address, 'is set, but clientPort is not');
  if (address !== null && !/^[^\s]+$/.test(address.value)) {
    throw settings.error(address, 'must be a host name or an IP address');
  }
  if (setting === null && serverLine === null) {
    throw new ConfigError(
      `${settings.fileName}: clientPort is missing: the port that clients connect to`,
      'clientPort',
    );
  }
  if (setting !== null && serverLine !== null && serverLine.port !== port) {
    throw settings.error(serverLine.setting, `its client port is not clientPort=${port} (${setting.place})`);
  }
  if (port === 0 && serverLine === null && setting !== null) settings.warn(setting, 'takes any free port');
  const listenAddress = address?.value.replace(/^\[|\]$/g, '') ?? serverLine?.address ?? null;
  return {
    clientPort: setting === null ? (serverLine?.port ?? 0) : port,
    clientPortAddress: listenAddress,
    clientPortListenBacklog: settings.wholeNumber('clientPortListenBacklog', 'parser', {
      default: -1,
      min: -1,
      max: 65_535,
      unit: 'connections',
    }),
    clientTcpKeepAlive: settings.flag('clientTcpKeepAlive', 'property', false),
  };
}

function sessionTimeouts(settings: Settings) {
  const unit = 'milliseconds';
  // Twenty ticks, the default of maxSessionTimeout, must stay an int of the protocol.
  const tickTimeMs = settings.wholeNumber('tickTime', 'parser', {
    default: 3000,
    min: 1,
    max: 100_000_000,
    unit,
  });
  const timeout = (key: string, ticks: number) => {
    const value = settings.wholeNumber(key, 'parser', { default: -1, min: -1, max: INT_MAX, unit });
    return value === -1 ? ticks * tickTimeMs : value;
  };
  const minSessionTimeoutMs = timeout('minSessionTimeout', 2);
  const maxSessionTimeoutMs = timeout('maxSessionTimeout', 20);
  if (minSessionTimeoutMs > maxSessionTimeoutMs || maxSessionTimeoutMs === 0) {
    const setting =
      settings.find('maxSessionTimeout', 'parser') ?? settings.find('minSessionTimeout', 'parser');
    const problem =
      maxSessionTimeoutMs === 0
        ? 'must be at least 1 ms'
        : `minSessionTimeout (${minSessionTimeoutMs} ms) must not be larger than maxSessionTimeout (${maxSessionTimeoutMs} ms);` +
          ` without their lines they are 2 and 20 times tickTime (${tickTimeMs} ms)`;
    if (setting !== null) throw settings.error(setting, problem);
  }
  return { tickTimeMs, minSessionTimeoutMs, maxSessionTimeoutMs };
}

function connectionLimits(settings: Settings) {
  const unit = 'connections';
  const limit = (key: string, scope: 'parser' | 'property', whenAbsent: number) =>
    Math.max(0, settings.wholeNumber(key, scope, { default: whenAbsent, min: -1, max: INT_MAX, unit }));
  return {
    connectionsPerAddressMax: limit('maxClientCnxns', 'parser', 60),
    connectionsMax: limit('maxCnxns', 'property', 0),
    outstandingRequestsMax: settings.wholeNumber('globalOutstandingLimit', 'property', {
      default: 1000,
      min: 1,
      max: 10_000_000,
      unit: 'requests',
    }),
    sessionlessConnectionTimeoutMs: settings.wholeNumber('nio.sessionlessCnxnTimeout', 'property', {
      default: 10_000,
      min: 1,
      max: INT_MAX,
      unit: 'milliseconds',
    }),
  };
}

function requestLimits(settings: Settings) {
  const number = (key: string, whenAbsent: number, min: number, unit: string) =>
    Math.max(0, settings.wholeNumber(key, 'property', { default: whenAbsent, min, max: INT_MAX, unit }));
  return {
    requestsInProcessMax: number('request_throttle_max_requests', 0, 0, 'requests'),
    throttledOpWaitMs: number('throttled_op_wait_time', 0, 0, 'milliseconds'),
    largeRequestThresholdBytes: number('largeRequestThreshold', -1, -1, 'bytes'),
    largeRequestBytesMax: number('largeRequestMaxBytes', 100 * MB, 1, 'bytes'),
  };
}

function connectionThrottle(settings: Settings, isMember: boolean): ConnectionThrottleOptions {
  const name = (key: string) => `connection_throttle_${key}`;
  const number = (key: string, whenAbsent: number, min: number, unit: string) =>
    settings.wholeNumber(name(key), 'property', { default: whenAbsent, min, max: INT_MAX, unit });
  const ratio = (key: string, whenAbsent: number) =>
    settings.decimal(name(key), 'property', { default: whenAbsent, min: 0, max: 1 });
  const isWeighted = settings.flag(name('weight_enabled'), 'property', false);
  const globalSessionTokens = number('global_session_weight', 3, 1, 'tokens');
  const localSessionTokens = number('local_session_weight', 1, 1, 'tokens');
  const isLocal = isMember && settings.flag('localSessionsEnabled', 'parser', false);
  const newSessionTokens = isLocal ? localSessionTokens : globalSessionTokens;
  const renewedSessionTokens = number('renew_session_weight', 2, 1, 'tokens');
  return {
    tokens: number('tokens', 0, 0, 'tokens'),
    fillTimeMs: number('fill_time', 1, 1, 'milliseconds'),
    fillCount: number('fill_count', 1, 1, 'tokens'),
    freezeTimeMs: number('freeze_time', -1, -1, 'milliseconds'),
    dropIncrease: ratio('drop_increase', 0.02),
    dropDecrease: ratio('drop_decrease', 0.002),
    decreaseRatio: ratio('decrease_ratio', 0),
    newSessionTokens: isWeighted ? newSessionTokens : 1,
    renewedSessionTokens: isWeighted ? renewedSessionTokens : 1,
  };
}

type JuteLimits = Pick<ServerConfig, 'juteBufferBytesMax' | 'juteBufferExtraBytes'>;

function juteLimits(settings: Settings): JuteLimits {
  const unit = 'bytes';
  const juteBufferBytesMax = settings.wholeNumber('jute.maxbuffer', 'system', {
    default: 0xfffff,
    min: 128,
    max: JUTE_BUFFER_BYTES_MAX,
    unit,
  });
  const extra = settings.wholeNumber('jute.maxbuffer.extrasize', 'property', {
    default: juteBufferBytesMax,
    min: 0,
    max: JUTE_BUFFER_BYTES_MAX,
    unit,
  });
  return { juteBufferBytesMax, juteBufferExtraBytes: Math.max(1024, extra) };
}

function storage(settings: Settings) {
  const number = (key: string, whenAbsent: number, min: number, max: number, unit: string) =>
    settings.wholeNumber(key, 'property', { default: whenAbsent, min, max, unit });
  const snapCount = number('snapCount', 100_000, 0, INT_MAX, 'transactions');
  const snapCountSetting = settings.find('snapCount', 'property');
  if (snapCount < 2 && snapCountSetting !== null)
    settings.warn(snapCountSetting, 'the least is 2, which is taken');
  const forceSync = settings.yesOrNo('forceSync', true);
  const forceSyncSetting = settings.find('forceSync', 'property');
  if (!forceSync && forceSyncSetting !== null) {
    settings.warn(forceSyncSetting, 'acknowledged writes can be lost when the machine stops');
  }
  const flushDelayMs = number('flushDelay', 0, 0, 60_000, 'milliseconds');
  // Its name with the prefix comes first in Apache (FileTxnLog).
  const fsyncKey = 'fsync.warningthresholdms';
  const fsyncScope = settings.find(fsyncKey, 'property') === null ? 'system' : 'property';
  return {
    preAllocSizeBytes: KB * number('preAllocSize', 65_536, 0, 1_048_576, 'kilobytes'),
    snapCount: Math.max(2, snapCount),
    snapSizeLimitBytes: KB * Math.max(0, number('snapSizeLimitInKb', 4_194_304, -1, 2 ** 40, 'kilobytes')),
    txnLogSizeLimitBytes: KB * Math.max(0, number('txnLogSizeLimitInKb', -1, -1, 2 ** 40, 'kilobytes')),
    snapshotTrustEmpty: settings.flag('snapshot.trust.empty', 'property', false),
    digestEnabled: settings.flag('digest.enabled', 'property', true),
    serializeLastProcessedZxidEnabled: settings.flag('serializeLastProcessedZxid.enabled', 'property', true),
    closeSessionTxnEnabled: settings.flag('closeSessionTxn.enabled', 'property', true),
    forceSync,
    fsyncWarningThresholdMs: settings.wholeNumber(fsyncKey, fsyncScope, {
      default: 1000,
      min: 0,
      max: INT_MAX,
      unit: 'milliseconds',
    }),
    flushDelayMs,
    writeQueuePollTimeMsMax: number(
      'maxWriteQueuePollTime',
      Math.floor(flushDelayMs / 3),
      0,
      60_000,
      'milliseconds',
    ),
    batchSizeMax: number('maxBatchSize', 1000, 0, 10_000_000, 'transactions'),
  };
}

/** Apache does not purge unless told to; here it is the default, since the disk of whoever did not know fills up. */
const PURGE_INTERVAL_HOURS = 24;
const PURGE_RETAIN_COUNT_MIN = 3;

function snapshotFiles(settings: Settings) {
  const method = settings.find('snapshot.compression.method', 'property');
  const interval = settings.wholeNumber('autopurge.purgeInterval', 'parser', {
    default: PURGE_INTERVAL_HOURS,
    min: -1,
    max: INT_MAX,
    unit: 'hours',
  });
  const retainCount = settings.wholeNumber('autopurge.snapRetainCount', 'parser', {
    default: PURGE_RETAIN_COUNT_MIN,
    min: 0,
    max: INT_MAX,
    unit: 'snapshots',
  });
  const retainSetting = settings.find('autopurge.snapRetainCount', 'parser');
  if (retainSetting !== null && retainCount < PURGE_RETAIN_COUNT_MIN) {
    settings.warn(retainSetting, `the least is ${PURGE_RETAIN_COUNT_MIN}, which is taken`);
  }
  return {
    snapshotCompression: method === null ? ('none' as const) : snapshotCompression(settings, method),
    purgeIntervalHours: Math.max(0, interval),
    purgeRetainCount: Math.max(PURGE_RETAIN_COUNT_MIN, retainCount),
  };
}

function snapshotCompression(settings: Settings, method: Setting): SnapshotCompression {
  switch (method.value) {
    case '':
      return 'none';
    case 'gz':
    case 'snappy':
      return method.value;
    default:
      throw settings.error(method, 'must be gz, snappy or nothing');
  }
}

function access(settings: Settings) {
  const readOnlyModeEnabled = settings.flag('readonlymode.enabled', 'system', false);
  const superDigest = settings.find('DigestAuthenticationProvider.superDigest', 'property');
  if (superDigest !== null && !superDigest.value.includes(':')) {
    throw settings.error(superDigest, 'must be <user>:<base64 of the digest of user:password>');
  }
  const skipAcl = settings.yesOrNo('skipACL', false);
  const skipAclSetting = settings.find('skipACL', 'property');
  if (skipAcl && skipAclSetting !== null)
    settings.warn(skipAclSetting, 'every client may read and write everything');
  const containers = (key: string, whenAbsent: number, min: number, unit: string) =>
    settings.wholeNumber(`znode.container.${key}`, 'system', {
      default: whenAbsent,
      min,
      max: INT_MAX,
      unit,
    });
  return {
    skipAcl,
    containerCheckIntervalMs: containers('checkIntervalMs', 60_000, 1, 'milliseconds'),
    containersPerMinuteMax: containers('maxPerMinute', 10_000, 1, 'deletions'),
    containerNeverUsedIntervalMsMax: containers('maxNeverUsedIntervalMs', 0, 0, 'milliseconds'),
    reconfigEnabled: settings.flag('reconfigEnabled', 'parser', false),
    enforceQuota: settings.flag('enforceQuota', 'property', false),
    extendedTypesEnabled: settings.flag('extendedTypesEnabled', 'property', false),
    readOnlyModeEnabled,
    fourLetterWords: parseWhitelist(settings, readOnlyModeEnabled),
    digestAuthenticationEnabled: settings.flag('DigestAuthenticationProvider.enabled', 'property', true),
    digestAuthenticationAlgorithm: parseDigestAlgorithm(settings),
    superDigest: superDigest?.value ?? null,
  };
}

/**
 * The least that each ring must hold: a record may take half of it. `requests` carries a packet, or a connection's
 * identities; `log` a txn, which may be longer than a packet by the slack; `commits` the reply to a multi (77 bytes for
 * each 22 that were sent) and events with two ACL lists.
 */
function ringBytesMin(jute: JuteLimits) {
  const { juteBufferBytesMax: packet, juteBufferExtraBytes: extra } = jute;
  return {
    requestRingKb: 4 * packet + 64 * KB,
    logRingKb: 2 * (packet + extra) + 64 * KB,
    commitRingKb: 8 * packet + 4 * extra + 64 * KB,
  };
}

function diskReserve(settings: Settings): number | null {
  const mb = settings.wholeNumber('menagerie.diskReserveMb', 'own', {
    default: -1,
    min: -1,
    max: 2 ** 30,
    unit: 'megabytes',
  });
  return mb < 0 ? null : mb * MB;
}

function ownLimits(settings: Settings, machine: MachineFacts, jute: JuteLimits) {
  const { juteBufferBytesMax } = jute;
  const ringMin = ringBytesMin(jute);
  const number = (key: string, whenAbsent: number, min: number, max: number, unit: string) =>
    settings.wholeNumber(`menagerie.${key}`, 'own', { default: whenAbsent, min, max, unit });
  const ring = (key: keyof typeof ringMin, whenAbsentKb: number) => {
    const bytes = KB * number(key, whenAbsentKb, 64, RING_BYTES_MAX / KB, 'kilobytes');
    const least = ringMin[key];
    const setting = settings.find(`menagerie.${key}`, 'own');
    if (bytes < least && setting !== null) {
      settings.warn(
        setting,
        `is too little for what jute.maxbuffer allows: ${Math.ceil(least / KB)} is taken`,
      );
    }
    return Math.max(bytes, Math.ceil(least / KB) * KB);
  };
  const quarterMb = Math.floor(machine.memoryBytes / 4 / MB);
  const oneFrame = juteBufferBytesMax + 4;
  const oneReply = juteBufferBytesMax + REPLY_OVERHEAD_BYTES;
  return {
    connectionWorkers: number(
      'connectionWorkers',
      Math.max(1, Math.min(64, machine.cores - 1)),
      1,
      64,
      'threads',
    ),
    replicaMemoryBytesMax:
      MB * number('replicaMemoryMb', Math.min(16_000, Math.max(256, quarterMb)), 16, 16_000, 'megabytes'),
    diskReserveBytes: diskReserve(settings),
    committedLogBytesMax: MB * number('committedLogMb', 64, 1, 1024, 'megabytes'),
    leaderlessMsMax: number('leaderlessMs', 2000, 0, 3_600_000, 'milliseconds'),
    sessionsMax: number('sessionsMax', 100_000, 1, 10_000_000, 'sessions'),
    requestRingBytes: ring('requestRingKb', 8192),
    logRingBytes: ring('logRingKb', 16_384),
    commitRingBytes: ring('commitRingKb', 16_384),
    clientInputBytesMax: number(
      'clientInputBytesMax',
      Math.max(4 * MB, 2 * juteBufferBytesMax),
      oneFrame,
      INT_MAX,
      'bytes',
    ),
    // A txn of the greatest length must fit, and some more.
    learnerQueueBytesMax:
      MB *
      number('learnerQueueMb', 64, Math.max(4, Math.ceil((4 * juteBufferBytesMax) / MB)), 2047, 'megabytes'),
    clientOutputBytesMax: number(
      'clientOutputBytesMax',
      Math.max(16 * MB, 2 * juteBufferBytesMax),
      oneReply,
      INT_MAX,
      'bytes',
    ),
    logFormat: settings.oneOf('menagerie.logFormat', 'own', logFormats, 'pretty'),
    logLevel: settings.oneOf('menagerie.logLevel', 'own', logLevels, 'info'),
  };
}
