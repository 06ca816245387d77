import { copyBytes } from '../jute/shared-copy.js';
import { compareLongs } from '../protocol/long.js';
import { EventType } from '../protocol/opcode.js';
import { NO_ZNODE } from '../replica/data-tree-reader.js';
import { WatchMode } from './watch-table.js';
/**
 * SetWatches and SetWatches2: a client that came back asks for its watches again. What changed since the zxid that it has
 * seen fires its one-shot watches at once, the rest is registered (protocol/client.md §8). Called under the reader lock.
 */
export class SetWatches {
    #tree;
    #dataWatches;
    #childWatches;
    #notify;
    constructor(tree, dataWatches, childWatches, notify) {
        this.#tree = tree;
        this.#dataWatches = dataWatches;
        this.#childWatches = childWatches;
        this.#notify = notify;
    }
    /**
     * Reads the request's body, with five lists (SetWatches2) or three, and carries it out. Throws JuteError when it is cut
     * short: nothing is registered then.
     */
    carryOut(connection, reader, lists) {
        checkWhole(reader, lists);
        this.#oneShot(connection, reader);
        if (lists === 3)
            return;
        this.#eachPath(reader, (path, hash) => {
            this.#dataWatches.add(hash, path, 0, path.length, connection, WatchMode.persistent);
            this.#childWatches.add(hash, path, 0, path.length, connection, WatchMode.persistent);
        });
        this.#eachPath(reader, (path, hash) => {
            this.#dataWatches.add(hash, path, 0, path.length, connection, WatchMode.recursive);
        });
    }
    #oneShot(connection, reader) {
        const seenHigh = reader.readInt();
        const seenLow = reader.readInt();
        this.#eachPath(reader, (path, hash, ref) => {
            if (ref === NO_ZNODE) {
                this.#notify(connection, EventType.nodeDeleted, path, 0, path.length);
            }
            else if (isAfter(this.#tree.mzxidHigh(ref), this.#tree.mzxidLow(ref), seenHigh, seenLow)) {
                this.#notify(connection, EventType.nodeDataChanged, path, 0, path.length);
            }
            else {
                this.#dataWatches.add(hash, path, 0, path.length, connection);
            }
        });
        this.#eachPath(reader, (path, hash, ref) => {
            if (ref !== NO_ZNODE)
                this.#notify(connection, EventType.nodeCreated, path, 0, path.length);
            else
                this.#dataWatches.add(hash, path, 0, path.length, connection);
        });
        this.#eachPath(reader, (path, hash, ref) => {
            if (ref === NO_ZNODE) {
                this.#notify(connection, EventType.nodeDeleted, path, 0, path.length);
            }
            else if (isAfter(this.#tree.pzxidHigh(ref), this.#tree.pzxidLow(ref), seenHigh, seenLow)) {
                this.#notify(connection, EventType.nodeChildrenChanged, path, 0, path.length);
            }
            else {
                this.#childWatches.add(hash, path, 0, path.length, connection);
            }
        });
    }
    #eachPath(reader, visit) {
        const count = reader.readCount(4);
        for (let i = 0; i < count; i++) {
            const length = reader.readSpan();
            if (length <= 0)
                continue;
            const path = new Uint8Array(length);
            copyBytes(reader.bytes, reader.spanStart, path, 0, length);
            const hash = this.#tree.hashPath(path, 0, length);
            visit(path, hash, this.#tree.findHashed(hash, path, 0, length));
        }
    }
}
function isAfter(high, low, seenHigh, seenLow) {
    return compareLongs(high, low, seenHigh, seenLow) > 0;
}
/** Walks over the whole body and comes back, so that a short one is refused before anything is done. */
function checkWhole(reader, lists) {
    const start = reader.position;
    reader.skip(8);
    for (let list = 0; list < lists; list++) {
        const count = reader.readCount(4);
        for (let i = 0; i < count; i++)
            reader.readSpan();
    }
    reader.position = start;
}
