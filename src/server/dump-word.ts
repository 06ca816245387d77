/** Something that ends at a time unless it is heard of: wall clock, milliseconds. */
export interface Expiring {
  readonly expiresMs: number;
  /** Its line, without the tab before it. */
  readonly line: string;
}

/** A session whose end its leader decides. */
export interface GlobalSession {
  /** `0x...` */
  readonly session: string;
  readonly timeoutMs: number;
}

export interface DumpStatus {
  /** Those whose end this server decides: all that it has, unless it is a learner. */
  readonly sessions: readonly Expiring[];
  /** Those that this server alone knows; null where there are no local sessions. */
  readonly localSessions: readonly Expiring[] | null;
  /** On a learner, in place of {@link sessions}: those of the whole ensemble. */
  readonly globalSessions: readonly GlobalSession[] | null;
  /** The ephemerals of each session, whose id is given as `0x...`. */
  readonly ephemerals: readonly { readonly session: string; readonly paths: readonly string[] }[];
  readonly connections: readonly Expiring[];
}

/** dump, as Apache's gives it: a standalone server, a leader, a learner. */
export function formatDump(status: DumpStatus): string {
  const owners = status.ephemerals.map(
    ({ session, paths }) => `${session}:\n${paths.map((path) => `\t${path}\n`).join('')}`,
  );
  return [
    'SessionTracker dump:\n',
    ...formatSessions(status),
    'ephemeral nodes dump:\n',
    `Sessions with Ephemerals (${status.ephemerals.length}):\n`,
    ...owners,
    'Connections dump:\n',
    ...formatExpiring('Connections Sets', status.connections),
  ].join('');
}

function formatSessions({ sessions, localSessions, globalSessions }: DumpStatus): string[] {
  const local = localSessions === null ? [] : formatExpiring('Local Session Sets', localSessions);
  if (globalSessions === null) {
    return [...local, ...formatExpiring(`${localSessions === null ? '' : 'Global '}Session Sets`, sessions)];
  }
  const lines = globalSessions.map(({ session, timeoutMs }) => `${session}\t${timeoutMs}ms\n`);
  return [...local, `Global Sessions(${globalSessions.length}):\n`, ...lines];
}

/** In sets of what ends at the same time, the earliest first. */
function formatExpiring(title: string, all: readonly Expiring[]): string[] {
  const sets = new Map<number, string[]>();
  for (const { expiresMs, line } of all) {
    const set = sets.get(expiresMs);
    if (set === undefined) sets.set(expiresMs, [line]);
    else set.push(line);
  }
  const sorted = [...sets].sort(([a], [b]) => a - b);
  return [
    `${title} (${sets.size})/(${all.length}):\n`,
    ...sorted.map(([expiresMs, lines]) => {
      const head = `${lines.length} expire at ${javaDate(new Date(expiresMs))}:\n`;
      return head + lines.map((line) => `\t${line}\n`).join('');
    }),
  ];
}

/** As java.util.Date.toString: `Sun Nov 22 03:30:24 UTC 2026`, in the process's time zone. */
export function javaDate(date: Date): string {
  const format = new Intl.DateTimeFormat('en-US', {
    weekday: 'short',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    year: 'numeric',
    timeZoneName: 'short',
  });
  const parts = new Map(format.formatToParts(date).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  return `${part('weekday')} ${part('month')} ${part('day')} ${time} ${part('timeZoneName')} ${part('year')}`;
}
