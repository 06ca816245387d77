// What the producing thread of ring.test.ts writes, and how the test tells that it arrived.
/** Bytes of the body of record `sequence`: its number and some more. */
export function streamRecordBytes(sequence) {
    return 4 + ((sequence * 7) % 31);
}
/** Writes record `sequence` at `at`. */
export function fillStreamRecord(bytes, at, sequence) {
    const length = streamRecordBytes(sequence);
    bytes[at] = sequence >>> 24;
    bytes[at + 1] = sequence >>> 16;
    bytes[at + 2] = sequence >>> 8;
    bytes[at + 3] = sequence;
    for (let i = 4; i < length; i++)
        bytes[at + i] = sequence + i;
}
/** What is wrong with the consumer's current record, if it should be number `sequence`; empty if nothing is. */
export function checkStreamRecord(consumer, sequence) {
    const { bytes, start, length } = consumer;
    const found = (bytes[start] << 24) | (bytes[start + 1] << 16) | (bytes[start + 2] << 8) | bytes[start + 3];
    if (found !== sequence)
        return `record ${found} where ${sequence} is due`;
    if (length !== streamRecordBytes(sequence))
        return `record ${sequence} has ${length} bytes`;
    for (let i = 4; i < length; i++) {
        if (bytes[start + i] !== ((sequence + i) & 0xff))
            return `byte ${i} of record ${sequence} is ${bytes[start + i]}`;
    }
    return '';
}
