export function countWatches(connections) {
    const entries = new Set();
    let watching = 0;
    let watches = 0;
    for (const connection of connections) {
        if (connection.dataWatches.size === 0)
            continue;
        watching++;
        watches += connection.dataWatches.size;
        for (const entry of connection.dataWatches)
            entries.add(entry);
    }
    const pathHashes = new Int32Array(entries.size * 2);
    let at = 0;
    for (const entry of entries) {
        pathHashes[at++] = entry.hash;
        pathHashes[at++] = secondHash(entry.path);
    }
    return { connections: watching, watches, pathHashes };
}
export function listWatches(connections) {
    const sessions = [];
    for (const connection of connections) {
        if (connection.dataWatches.size === 0)
            continue;
        const paths = Array.from(connection.dataWatches, ({ path }) => Buffer.from(path).toString('utf8'));
        sessions.push({ idHigh: connection.sessionHigh, idLow: connection.sessionLow, paths });
    }
    return sessions;
}
/** How many distinct paths the workers' hashes stand for. */
export function distinctPaths(all) {
    if (all.length === 1)
        return all[0].pathHashes.length / 2;
    const distinct = new Set();
    for (const { pathHashes } of all) {
        // 53 of the 64 bits: what a number holds.
        for (let i = 0; i < pathHashes.length; i += 2) {
            distinct.add((pathHashes[i] >>> 0) * 2 ** 21 + (pathHashes[i + 1] >>> 11));
        }
    }
    return distinct.size;
}
function secondHash(path) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < path.length; i++)
        hash = Math.imul(hash ^ path[i], 0x01000193);
    return hash;
}
