// The worker of lock.test.ts: reads under the lock until the writer is done, and reports what it saw.
import { parentPort, workerData } from 'node:worker_threads';
import { DataTreeReader, NO_ZNODE } from '../../src/replica/data-tree-reader.js';
import { ReaderLock } from '../../src/replica/lock.js';
const task = workerData;
const control = new Int32Array(task.control);
const reader = new DataTreeReader(task.memory);
const lock = new ReaderLock(task.memory, task.readerIndex);
const target = new Uint8Array(64 * 1024);
/** Data all of one value, which is the version; a czxid that no other field contradicts; a name that is the path's end. */
function contradiction(ref) {
    const length = reader.copyData(ref, target, 3);
    const version = reader.version(ref);
    for (let i = 0; i < length; i++)
        if (target[3 + i] !== (version & 0xff))
            return `byte ${i} is ${target[3 + i]}, version ${version}`;
    if (reader.mtimeLow(ref) !== version)
        return `mtime ${reader.mtimeLow(ref)}, version ${version}`;
    let children = 0;
    for (let child = reader.firstChild(reader.root); child !== NO_ZNODE; child = reader.nextSibling(child))
        children++;
    const expected = reader.childCount(reader.root);
    return children === expected ? '' : `${children} children in the list, count is ${expected}`;
}
function read() {
    const paths = task.paths.map((path) => Buffer.from(path));
    let lookups = 0;
    let found = 0;
    let waits = 0;
    let error = '';
    Atomics.add(control, 0, 1);
    while (error === '' && Atomics.load(control, 1) === 0) {
        lock.acquire(() => waits++);
        for (let i = 0; i < 10 && error === ''; i++) {
            const path = paths[lookups++ % paths.length];
            const ref = reader.find(path, 0, path.length);
            if (ref === NO_ZNODE)
                continue;
            found++;
            error = contradiction(ref);
        }
        lock.release();
    }
    return { lookups, found, waits, error };
}
switch (task.kind) {
    case 'read':
        parentPort.postMessage(read());
        break;
    case 'holdForEver':
        lock.acquire(() => { });
        Atomics.add(control, 0, 1);
        // Dies with the lock held.
        process.exit(0);
}
