import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ensemble, SID_MAX } from '../zab/ensemble.ts';
import type { EnsembleServer } from '../zab/server-line.ts';
import { warnOfUnbuilt } from './ensemble-unbuilt.ts';
import { ConfigError, type Settings } from './settings.ts';

/**
 * What a member of an ensemble is told from outside (protocol/features.md §1, §2.3, §2.4): plain values, frozen. Comments
 * name the key where the field's name differs.
 */
export interface EnsembleConfig {
  /** All servers, as {@link Ensemble.parse} reads them. */
  readonly text: string;
  /** By sid, ascending. Their names are not resolved. */
  readonly servers: readonly EnsembleServer[];
  /** Whether this server is one; the server lines decide, not peerType. */
  readonly isObserver: boolean;
  readonly initLimitTicks: number;
  readonly syncLimitTicks: number;
  /** initLimit where it is not set. */
  readonly connectToLearnerMasterLimitTicks: number;
  readonly leaderServes: boolean;
  readonly localSessionsEnabled: boolean;
  readonly localSessionsUpgradingEnabled: boolean;

  /** quorumListenOnAllIPs */
  readonly listensOnAllAddresses: boolean;
  /** electionPortBindRetry: attempts to open the election port, 0 for ever. */
  readonly electionPortBindsMax: number;
  /** cnxTimeout */
  readonly electionConnectTimeoutMs: number;
  /** quorumCnxnTimeoutMs: how long the first message on an election connection may take; syncLimit where it is not set. */
  readonly electionReadTimeoutMs: number;
  /** tcpKeepAlive, on election connections. */
  readonly electionTcpKeepAlive: boolean;
  /** leader.nodelay */
  readonly leaderNoDelay: boolean;
  /** follower.nodelay */
  readonly followerNoDelay: boolean;
  /** leaderConnectDelayDuringRetryMs: between two attempts to reach the leader. */
  readonly leaderConnectDelayMs: number;

  /** fastleader.minNotificationInterval */
  readonly minNotificationIntervalMs: number;
  /** fastleader.maxNotificationInterval */
  readonly maxNotificationIntervalMs: number;
  /** leader.maxTimeToWaitForEpoch, -1 for initLimit. */
  readonly maxTimeToWaitForEpochMs: number;
  /** leader.maxConcurrentSnapSyncs: to observers. */
  readonly observerSnapSyncsMax: number;
  /** leader.maxConcurrentDiffSyncs: to observers. */
  readonly observerDiffSyncsMax: number;
  readonly forceSnapshotSync: boolean;
  /** Txns that are kept in memory for learners, at least 500. */
  readonly commitLogCount: number;
  /**
   * A learner is sent the log on disk in place of a snapshot if it is at most so many times as long as that; 0: however long it
   * is; negative: never.
   */
  readonly snapshotSizeFactor: number;

  /** observer.reconnectDelayMs */
  readonly observerReconnectDelayMs: number;
  /** observer.election.DelayMs: an observer waits a random part of it before it looks for a leader. */
  readonly observerElectionDelayMsMax: number;
  /** syncEnabled, observer.syncEnabled: whether an observer writes log and snapshots. */
  readonly observerSyncEnabled: boolean;
}

const INT_MAX = 2_147_483_647;
const TICKS_MAX = 1_000_000;
const COMMIT_LOG_COUNT_MIN = 500;

/**
 * Reads the keys of a member; `ensemble` null for a standalone server, for which they are only checked. Throws
 * ConfigError.
 */
export function readEnsembleConfig(
  settings: Settings,
  ensemble: Ensemble | null,
  sid: number,
  tickTimeMs: number,
): EnsembleConfig | null {
  const limits = readLimits(settings);
  const keys = {
    ...readConnections(settings, limits.syncLimitTicks * tickTimeMs),
    ...readElection(settings),
    ...readSynchronisation(settings),
    ...readObserver(settings),
    ...readSessions(settings),
  };
  const peerType = settings.oneOf('peerType', 'parser', ['participant', 'observer'], 'participant');
  const peerTypeSetting = settings.find('peerType', 'parser');
  const saslEnabled = settings.flag('quorum.auth.enableSasl', 'parser', false);
  const saslSetting = settings.find('quorum.auth.enableSasl', 'parser');
  if (ensemble === null) {
    if (peerType === 'observer' && peerTypeSetting !== null)
      settings.warn(peerTypeSetting, 'has no effect: a standalone server observes nobody');
    const localSetting = settings.find('localSessionsEnabled', 'parser');
    if (keys.localSessionsEnabled && localSetting !== null)
      settings.warn(localSetting, 'has no effect: a standalone server has no others to keep a session from');
    return null;
  }
  if (saslEnabled && saslSetting !== null)
    throw settings.error(
      saslSetting,
      'SASL between servers is not built yet; take the line out to start without it',
    );
  for (const key of ['initLimit', 'syncLimit'] as const) {
    if (limits[`${key}Ticks`] > 0) continue;
    const what = key === 'initLimit' ? 'connect and synchronise (10 is usual)' : 'lag behind (5 is usual)';
    throw new ConfigError(
      `${settings.fileName}: ${key} is missing: how many ticks a server of an ensemble may take to ${what}`,
      key,
    );
  }
  const isObserver = !ensemble.isVoter(sid);
  if (peerTypeSetting !== null && (peerType === 'observer') !== isObserver) {
    const role = isObserver ? 'an observer' : 'a participant';
    settings.warn(peerTypeSetting, `has no effect: server.${sid} is ${role} by its line`);
  }
  const upgradingSetting = settings.find('localSessionsUpgradingEnabled', 'parser');
  if (keys.localSessionsUpgradingEnabled && !keys.localSessionsEnabled && upgradingSetting !== null)
    settings.warn(upgradingSetting, 'has no effect: without localSessionsEnabled=true no session is local');
  warnOfUnbuilt(settings, isObserver);
  return Object.freeze({
    text: ensemble.text,
    servers: Object.freeze([...ensemble.servers.values()]),
    isObserver,
    ...limits,
    connectToLearnerMasterLimitTicks: limits.connectToLearnerMasterLimitTicks || limits.initLimitTicks,
    ...keys,
  });
}

/** This server's number in the ensemble, from dataDir/myid. Throws ConfigError with what is wrong with it. */
export function readEnsembleId(dataDir: string, ensemble: Ensemble): number {
  const file = join(dataDir, 'myid');
  const sids = [...ensemble.servers.keys()].join(', ');
  let text: string;
  try {
    text = readFileSync(file, 'latin1').split('\n', 1)[0].trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw new ConfigError(`${file}: cannot be read: ${message}`);
    throw new ConfigError(`${file}: no such file: it must hold this server's number, one of ${sids}`);
  }
  if (!/^[+-]?\d+$/.test(text))
    throw new ConfigError(`${file}: "${text}": must be this server's number, one of ${sids}`);
  const sid = Number(text);
  if (sid < 0 || sid > SID_MAX)
    throw new ConfigError(`${file}: ${text}: must be a number from 0 to ${SID_MAX}, one of ${sids}`);
  if (!ensemble.servers.has(sid))
    throw new ConfigError(`${file}: ${sid}: there is no line server.${sid}; those that are there: ${sids}`);
  return sid;
}

function readLimits(settings: Settings) {
  const ticks = (key: string) =>
    settings.wholeNumber(key, 'parser', { default: 0, min: 0, max: TICKS_MAX, unit: 'ticks' });
  return {
    initLimitTicks: ticks('initLimit'),
    syncLimitTicks: ticks('syncLimit'),
    connectToLearnerMasterLimitTicks: ticks('connectToLearnerMasterLimit'),
  };
}

function readSessions(settings: Settings) {
  return {
    leaderServes: settings.oneOf('leaderServes', 'property', ['yes', 'no'], 'yes') === 'yes',
    localSessionsEnabled: settings.flag('localSessionsEnabled', 'parser', false),
    localSessionsUpgradingEnabled: settings.flag('localSessionsUpgradingEnabled', 'parser', false),
  };
}

function readConnections(settings: Settings, syncLimitMs: number) {
  const milliseconds = (key: string, whenAbsent: number, min: number) =>
    settings.wholeNumber(key, 'property', { default: whenAbsent, min, max: INT_MAX, unit: 'milliseconds' });
  const readTimeoutMs = milliseconds('quorumCnxnTimeoutMs', -1, -1);
  return {
    listensOnAllAddresses: settings.flag('quorumListenOnAllIPs', 'parser', false),
    electionPortBindsMax: settings.wholeNumber('electionPortBindRetry', 'property', {
      default: 3,
      min: 0,
      max: INT_MAX,
      unit: 'attempts',
    }),
    electionConnectTimeoutMs: milliseconds('cnxTimeout', 5000, 1),
    electionReadTimeoutMs: readTimeoutMs > 0 ? readTimeoutMs : syncLimitMs,
    electionTcpKeepAlive: settings.flag('tcpKeepAlive', 'property', false),
    leaderNoDelay: settings.flag('leader.nodelay', 'system', true),
    followerNoDelay: settings.flag('follower.nodelay', 'system', true),
    leaderConnectDelayMs: milliseconds('leaderConnectDelayDuringRetryMs', 100, 0),
  };
}

function readElection(settings: Settings) {
  const interval = (name: string, whenAbsent: number) =>
    settings.wholeNumber(`fastleader.${name}NotificationInterval`, 'property', {
      default: whenAbsent,
      min: 1,
      max: INT_MAX,
      unit: 'milliseconds',
    });
  const minNotificationIntervalMs = interval('min', 200);
  const maxNotificationIntervalMs = interval('max', 60_000);
  const key = 'fastleader.minNotificationInterval';
  const setting =
    settings.find(key, 'property') ?? settings.find('fastleader.maxNotificationInterval', 'property');
  if (minNotificationIntervalMs > maxNotificationIntervalMs && setting !== null)
    throw settings.error(
      setting,
      `${key} (${minNotificationIntervalMs} ms) must not be larger than fastleader.maxNotificationInterval (${maxNotificationIntervalMs} ms)`,
    );
  return { minNotificationIntervalMs, maxNotificationIntervalMs };
}

function readSynchronisation(settings: Settings) {
  const number = (key: string, whenAbsent: number, min: number, unit: string) =>
    settings.wholeNumber(key, 'property', { default: whenAbsent, min, max: INT_MAX, unit });
  const commitLogCount = number('commitLogCount', COMMIT_LOG_COUNT_MIN, 0, 'transactions');
  return {
    maxTimeToWaitForEpochMs: number('leader.maxTimeToWaitForEpoch', -1, -1, 'milliseconds'),
    observerSnapSyncsMax: number('leader.maxConcurrentSnapSyncs', 10, 1, 'observers'),
    observerDiffSyncsMax: number('leader.maxConcurrentDiffSyncs', 100, 1, 'observers'),
    forceSnapshotSync: settings.flag('forceSnapshotSync', 'property', false),
    commitLogCount: Math.max(COMMIT_LOG_COUNT_MIN, commitLogCount),
    snapshotSizeFactor: settings.decimal('snapshotSizeFactor', 'property', {
      default: 0.33,
      min: -1_000_000,
      max: 1_000_000,
    }),
  };
}

function readObserver(settings: Settings) {
  const delay = (key: string, whenAbsent: number) =>
    settings.wholeNumber(`observer.${key}`, 'property', {
      default: whenAbsent,
      min: 0,
      max: INT_MAX,
      unit: 'milliseconds',
    });
  const syncEnabled = settings.flag('syncEnabled', 'parser', true);
  return {
    observerReconnectDelayMs: delay('reconnectDelayMs', 0),
    observerElectionDelayMsMax: delay('election.DelayMs', 200),
    observerSyncEnabled: settings.flag('observer.syncEnabled', 'property', syncEnabled),
  };
}
