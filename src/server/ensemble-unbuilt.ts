import type { Scope, Setting, Settings } from './settings.ts';

/** A key of a member that is read and checked, and then changes nothing. */
interface UnbuiltKey {
  readonly key: string;
  readonly scope: Scope;
  /** Whether the key says something to every member, or to observers alone. */
  readonly whom: 'members' | 'observers';
  /** Values, in lower case, that ask for what happens anyway. */
  readonly asIs: readonly string[];
  /** What happens instead. */
  readonly message: string;
}

const unbuiltKeys: readonly UnbuiltKey[] = [
  key('reconfigEnabled', 'parser', ['false'], 'reconfig is not built yet: clients get UNIMPLEMENTED'),
  key(
    'multiAddress.enabled',
    'parser',
    ['false'],
    'in part: all addresses are listened on and tried, but servers that are called are told the first one only',
  ),
  key(
    'leader.maxTimeToWaitForEpoch',
    'property',
    ['-1'],
    'has no effect yet: a leader waits initLimit for its quorum',
  ),
  key(
    'leader.maxConcurrentSnapSyncs',
    'property',
    [],
    'has no effect yet: any number of learners is sent a snapshot at a time',
  ),
  key(
    'leader.maxConcurrentDiffSyncs',
    'property',
    [],
    'has no effect yet: any number of learners is sent txns at a time',
  ),
  key(
    'leader.nodelay',
    'system',
    ['true'],
    'has no effect: packets are always sent at once, many in a write',
  ),
  key(
    'follower.nodelay',
    'system',
    ['true'],
    'has no effect: packets are always sent at once, many in a write',
  ),
  key('tcpKeepAlive', 'property', ['true'], 'has no effect: it is always on'),
  key(
    'commitLogCount',
    'property',
    [],
    'has no effect: how many txns are kept for learners goes by menagerie.committedLogMb',
  ),
  ...['observer.reconnectDelayMs', 'observer.election.DelayMs'].map((name) => ({
    ...key(name, 'property', ['0'], 'has no effect yet: an observer looks for a leader at once'),
    whom: 'observers' as const,
  })),
  ...(['observer.syncEnabled', 'syncEnabled'] as const).map((name) => ({
    ...key(
      name,
      name === 'syncEnabled' ? 'parser' : 'property',
      ['true'],
      'has no effect yet: an observer always writes log and snapshots',
    ),
    whom: 'observers' as const,
  })),
];

function key(name: string, scope: Scope, asIs: readonly string[], message: string): UnbuiltKey {
  return { key: name, scope, whom: 'members', asIs, message };
}

/** Warns of every key that is given to a member and asks for what is not built: one line each, with what happens instead. */
export function warnOfUnbuilt(settings: Settings, isObserver: boolean): void {
  for (const { key, scope, whom, asIs, message } of unbuiltKeys) {
    if (whom === 'observers' && !isObserver) continue;
    const setting = given(settings, key, scope);
    if (setting !== null && !asIs.includes(setting.value.toLowerCase())) settings.warn(setting, message);
  }
}

/** Without the warning that {@link Settings.find} has given already for a line of zoo.cfg in place of a system property. */
function given(settings: Settings, key: string, scope: Scope): Setting | null {
  if (scope !== 'system') return settings.find(key, scope);
  return settings.systemSettings().find((setting) => setting.key === key) ?? settings.lineOf(key);
}
