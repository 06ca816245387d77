import { distinctPaths } from '../connection/watch-summary.js';
import { longToHex } from '../protocol/long.js';
/** wchs */
export function formatWatchCounts(all) {
    const connections = all.reduce((sum, one) => sum + one.connections, 0);
    const watches = all.reduce((sum, one) => sum + one.watches, 0);
    return `${connections} connections watching ${distinctPaths(all)} paths\nTotal watches:${watches}\n`;
}
/** wchc: the paths of each session. */
export function formatWatchesBySession(sessions) {
    const blocks = sessions.map(({ idHigh, idLow, paths }) => {
        return `${longToHex(idHigh, idLow)}\n${paths.map((path) => `\t${path}\n`).join('')}`;
    });
    return `${blocks.join('')}\n`;
}
/** wchp: the sessions of each path. */
export function formatWatchesByPath(sessions) {
    const byPath = new Map();
    for (const { idHigh, idLow, paths } of sessions) {
        for (const path of paths) {
            const ids = byPath.get(path);
            if (ids === undefined)
                byPath.set(path, [longToHex(idHigh, idLow)]);
            else
                ids.push(longToHex(idHigh, idLow));
        }
    }
    const blocks = Array.from(byPath, ([path, ids]) => `${path}\n${ids.map((id) => `\t${id}\n`).join('')}`);
    return `${blocks.join('')}\n`;
}
