import { JuteError } from '../jute/reader.js';
import { ErrorCode } from '../protocol/error-code.js';
import { AddWatchMode, OpCode, WatcherType } from '../protocol/opcode.js';
import { WatchMode } from './watch-table.js';
/**
 * addWatch, checkWatches and removeWatches (protocol/client.md §6, §8). They ask neither whether the znode exists nor
 * whether the client may read it. Called under the reader lock: what main applies from then on fires.
 */
export class WatchRequests {
    #tree;
    #dataWatches;
    #childWatches;
    constructor(tree, dataWatches, childWatches) {
        this.#tree = tree;
        this.#dataWatches = dataWatches;
        this.#childWatches = childWatches;
    }
    /** Reads the request's body (path and an int) and carries it out: gives the reply's error. Throws JuteError. */
    carryOut(connection, opcode, reader) {
        const length = reader.readSpan();
        const start = reader.spanStart;
        const kind = reader.readInt();
        if (length < 0)
            throw new JuteError('a watch needs a path');
        switch (opcode) {
            case OpCode.addWatch:
                return this.#add(connection, reader.bytes, start, length, kind);
            case OpCode.checkWatches:
                return this.#checkOrRemove(connection, reader.bytes, start, length, kind, false);
            case OpCode.removeWatches:
                return this.#checkOrRemove(connection, reader.bytes, start, length, kind, true);
            default:
                throw new Error(`opcode ${opcode} is not about watches`);
        }
    }
    #add(connection, bytes, start, length, mode) {
        if (mode !== AddWatchMode.persistent && mode !== AddWatchMode.persistentRecursive) {
            return ErrorCode.MARSHALLINGERROR;
        }
        const hash = this.#tree.hashPath(bytes, start, length);
        if (mode === AddWatchMode.persistent) {
            this.#dataWatches.add(hash, bytes, start, length, connection, WatchMode.persistent);
            this.#childWatches.add(hash, bytes, start, length, connection, WatchMode.persistent);
        }
        else {
            // Not in the child table: a recursive watch sees a child come or go as an event of the child itself.
            this.#dataWatches.add(hash, bytes, start, length, connection, WatchMode.recursive);
        }
        return ErrorCode.OK;
    }
    #checkOrRemove(connection, bytes, start, length, watcherType, removes) {
        const wanted = modesOf(watcherType);
        if (wanted === null)
            return ErrorCode.MARSHALLINGERROR;
        const hash = this.#tree.hashPath(bytes, start, length);
        const tables = [
            [this.#dataWatches, wanted.data],
            [this.#childWatches, wanted.child],
        ];
        let found = false;
        for (const [table, modes] of tables) {
            const has = removes
                ? table.remove(hash, bytes, start, length, connection, modes)
                : table.has(hash, bytes, start, length, connection, modes);
            found ||= has;
        }
        return found ? ErrorCode.OK : ErrorCode.NOWATCHER;
    }
}
function modesOf(watcherType) {
    switch (watcherType) {
        case WatcherType.children:
            return { data: 0, child: WatchMode.standard };
        case WatcherType.data:
            return { data: WatchMode.standard, child: 0 };
        case WatcherType.any:
            return { data: WatchMode.any, child: WatchMode.any };
        case WatcherType.persistent:
            return { data: WatchMode.persistent, child: WatchMode.persistent };
        case WatcherType.persistentRecursive:
            return { data: WatchMode.recursive, child: 0 };
        default:
            return null;
    }
}
