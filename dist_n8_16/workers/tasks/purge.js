import { listLogs, listSnapshots } from '../../src/storage/data-directory.js';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import { purge } from '../../src/storage/purge.js';
/** Piscina task: reads the newest snapshots whole, then removes what none of those to be kept needs. */
export default function purgeTask(task) {
    const lines = [];
    const result = purge({
        ...task,
        snapshots: listSnapshots(nodeFileSystem, task.snapshotDirectory),
        logs: listLogs(nodeFileSystem, task.logDirectory),
        fileSystem: nodeFileSystem,
        log: {
            info: (message) => lines.push({ level: 'info', message }),
            warn: (message) => lines.push({ level: 'warn', message }),
        },
    });
    return { ...result, lines };
}
