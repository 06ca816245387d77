import { DataTreeReader } from '../../src/replica/data-tree-reader.js';
import { ReaderLock } from '../../src/replica/lock.js';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import { writeSnapshot, } from '../../src/storage/snapshot-writer.js';
/** Piscina task: writes a snapshot of the replica beside running writes. Main keeps a quarantine open meanwhile. */
export default function writeSnapshotTask(task) {
    return writeSnapshot({
        ...task,
        fileSystem: nodeFileSystem,
        reader: new DataTreeReader(task.memory),
        lock: new ReaderLock(task.memory, task.readerIndex),
    });
}
