import { ErrorCode } from '../protocol/error-code.js';
const SPACE = 0x20;
const SLASH = 0x2f;
/**
 * Answers getEphemerals (protocol/client.md §6). Main does, as it alone knows which znodes a session owns: a list of them
 * in the replica would cost every znode memory for a request that hardly anybody makes, and a worker without one would
 * have to walk the whole tree.
 */
export class EphemeralListing {
    #tree;
    #ephemerals;
    #replyBytesMax;
    /** `replyBytesMax`: jute.maxbuffer. Clients refuse more, and it would not fit the ring to the workers. */
    constructor(tree, ephemerals, replyBytesMax) {
        this.#tree = tree;
        this.#ephemerals = ephemerals;
        this.#replyBytesMax = replyBytesMax;
    }
    /** Reads the prefix and writes vector<ustring>; gives the reply's error, MARSHALLINGERROR for a list that is too long. */
    write(sessionHigh, sessionLow, reader, writer) {
        const prefixLength = reader.readSpan();
        const prefixStart = reader.spanStart;
        const takesAll = isBlank(reader.bytes, prefixStart, prefixLength);
        const prefix = takesAll ? new Uint8Array(0) : reader.bytes.slice(prefixStart, prefixStart + prefixLength);
        const start = writer.position;
        let count = 0;
        writer.writeInt(count);
        for (const ref of this.#ephemerals.of(sessionHigh, sessionLow)) {
            const path = new Uint8Array(this.#tree.pathLength(ref));
            this.#tree.copyPath(ref, path, 0);
            if (!startsWith(path, prefix))
                continue;
            if (writer.position - start + 4 + path.length > this.#replyBytesMax)
                return ErrorCode.MARSHALLINGERROR;
            writer.writeSpan(path, 0, path.length);
            count++;
        }
        writer.view.setInt32(start, count);
        return ErrorCode.OK;
    }
}
/** Nothing but what Java's trim takes away, or a single slash within it. */
function isBlank(bytes, start, length) {
    let slashes = 0;
    for (let i = start; i < start + length; i++) {
        if (bytes[i] === SLASH)
            slashes++;
        else if (bytes[i] > SPACE)
            return false;
    }
    return slashes <= 1;
}
function startsWith(path, prefix) {
    if (prefix.length > path.length)
        return false;
    for (let i = 0; i < prefix.length; i++)
        if (path[i] !== prefix[i])
            return false;
    return true;
}
