/** dump, as a standalone server of Apache's gives it. */
export function formatDump(status) {
    const owners = status.ephemerals.map(({ session, paths }) => `${session}:\n${paths.map((path) => `\t${path}\n`).join('')}`);
    return [
        'SessionTracker dump:\n',
        ...formatExpiring('Session Sets', status.sessions),
        'ephemeral nodes dump:\n',
        `Sessions with Ephemerals (${status.ephemerals.length}):\n`,
        ...owners,
        'Connections dump:\n',
        ...formatExpiring('Connections Sets', status.connections),
    ].join('');
}
/** In sets of what ends at the same time, the earliest first. */
function formatExpiring(title, all) {
    const sets = new Map();
    for (const { expiresMs, line } of all) {
        const set = sets.get(expiresMs);
        if (set === undefined)
            sets.set(expiresMs, [line]);
        else
            set.push(line);
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
export function javaDate(date) {
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
    const part = (type) => parts.get(type) ?? '';
    const time = `${part('hour')}:${part('minute')}:${part('second')}`;
    return `${part('weekday')} ${part('month')} ${part('day')} ${time} ${part('timeZoneName')} ${part('year')}`;
}
