// Hot path of recovery: one call per znode of a snapshot. Numbers only.
/**
 * znode-digest.wat, assembled: a WebAssembly module computes in place, in the memory that the snapshot is read into.
 */
const MODULE = Buffer.from('AGFzbQEAAAABEQJgA39/fwF/YAV/f39/fwF/AwMCAAEFAwEAAQYGAX8BQQALByADBm1lbW9yeQIACmNvbnRlbnRDcmMDAAZkaWdlc3QA' +
    'AQqrAgLXAQECfyAAIAFqIQMCQANAIAMgAGtBCEkNASACIAAoAABzIQIgACgABCEEIAJB/wFxQQJ0KAKAOCACQQZ2QfwHcSgCgDBzIAJB' +
    'DnZB/AdxKAKAKCACQRZ2QfwHcSgCgCBzcyAEQf8BcUECdCgCgBggBEEGdkH8B3EoAoAQcyAEQQ52QfwHcSgCgAggBEEWdkH8B3EoAgBz' +
    'c3MhAiAAQQhqIQAMAAsLAkADQCAAIANPDQEgAiAALQAAc0H/AXFBAnQoAgAgAkEIdnMhAiAAQQFqIQAMAAsLIAILUAEBfyAAIAFBfxAA' +
    'IQUgA0EASgRAIAIgAyAFEAAhBQsgBUF/cyQAIARBECAFEAAhBSAEQTRqQQggBRAAIQUgBEEQakEkIAUQACEFIAVBf3ML', 'base64');
const TABLES = 8;
const TABLES_BYTES = TABLES * 1024;
const PAGE_BYTES = 65536;
const POLYNOMIAL = 0xedb88320;
const compiled = new WebAssembly.Module(MODULE);
/** Memory for the bytes of a snapshot, with the digests of znodes computed where they stand (disk.md §7). */
export class DigestMemory {
    /** Where the caller's bytes begin in {@link bytes}. */
    start = TABLES_BYTES;
    /** All of the memory; another array after {@link reserve}. */
    bytes;
    view;
    #module;
    /** `capacityBytes` from {@link start} on. */
    constructor(capacityBytes) {
        this.#module = new WebAssembly.Instance(compiled).exports;
        fillTables(new Int32Array(this.#module.memory.buffer, 0, TABLES * 256));
        this.bytes = new Uint8Array(0);
        this.view = new DataView(this.#module.memory.buffer);
        this.reserve(capacityBytes);
    }
    /** Makes room for so many bytes from {@link start} on; what is there stays. */
    reserve(capacityBytes) {
        const { memory } = this.#module;
        const missing = this.start + capacityBytes - memory.buffer.byteLength;
        if (missing > 0)
            memory.grow(Math.ceil(missing / PAGE_BYTES));
        this.bytes = new Uint8Array(memory.buffer);
        this.view = new DataView(memory.buffer);
    }
    /**
     * The digest of the znode whose path, data (`dataLength` -1: null) and StatPersisted lie at these indices, an int32.
     * {@link contentCrc} then is its CRC over path and data.
     */
    digest(path, pathLength, data, dataLength, stat) {
        return this.#module.digest(path, pathLength, data, dataLength, stat);
    }
    /** CRC over path and data of the znode of the last {@link digest}, an int32. */
    get contentCrc() {
        return this.#module.contentCrc.value;
    }
}
/** Table k holds the CRC of each byte followed by k zero bytes, so that eight bytes are folded in one step. */
function fillTables(tables) {
    for (let byte = 0; byte < 256; byte++) {
        let crc = byte;
        for (let bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
        tables[byte] = crc;
    }
    for (let i = 256; i < tables.length; i++) {
        const shorter = tables[i - 256];
        tables[i] = tables[shorter & 0xff] ^ (shorter >>> 8);
    }
}
