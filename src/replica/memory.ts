/** Thrown when a write needs more room than the replica's memory has left in one piece. The tree is unchanged. */
export class ReplicaFullError extends Error {
  override readonly name = 'ReplicaFullError';
}

/**
 * The shared memory of one replica: what main makes and every reading thread gets in its start message. It can be
 * cloned (structured clone shares the buffers). All segments exist from the start, so that no thread can meet a
 * reference into a segment that it has not got; a page costs nothing until it is touched.
 */
export interface ReplicaMemory {
  /** Counters and roots, one 32-bit word each (see the header words below). */
  readonly header: SharedArrayBuffer;
  /** The path index's buckets, a znode reference each; reserved in full, touched as the index grows. */
  readonly buckets: SharedArrayBuffer;
  /** Where blocks lie. All but the last have the same power of two as length. */
  readonly segments: readonly SharedArrayBuffer[];
  /** The words of the big-reader lock (lock.ts). */
  readonly lock: SharedArrayBuffer;
  /** Key of the path hash: drawn by the caller, so that clients cannot make paths that collide. */
  readonly hashSeed: number;
}

/** What decides the size of a replica's memory. */
export interface ReplicaOptions {
  /** Upper limit of everything that the replica takes, index and lock included. */
  readonly memoryBytesMax: number;
  /** How many threads may read (connection workers, admin worker, snapshot task). */
  readonly readersMax: number;
  /** 32-bit key of the path hash. */
  readonly hashSeed: number;
  /** Length of a segment, a power of two; no value can be larger. Default and maximum: 256 MiB. */
  readonly segmentBytes?: number;
}

/** Memory is handed out in granules of 8 bytes; a reference is the number of a block's first granule. */
export const GRANULE_BYTES = 8;

// Words of the header.
export const HEADER_ROOT = 0;
export const HEADER_BUCKET_COUNT = 1;
export const HEADER_BUCKET_MASK = 2;
export const HEADER_ZNODE_COUNT = 3;
export const HEADER_LAST_ZXID_HIGH = 4;
export const HEADER_LAST_ZXID_LOW = 5;
export const HEADER_TREE_DIGEST_HIGH = 6;
export const HEADER_TREE_DIGEST_LOW = 7;
/** Index in doubles, not in words: a size can pass 32 bits. */
export const HEADER_DATA_BYTES_DOUBLE = 4;
/** How many times the tree was cleared. */
export const HEADER_GENERATION = 10;
const HEADER_BYTES = 64;

/** Lock words lie this far apart: two cache lines, as processors fetch lines in pairs. */
export const LOCK_STRIDE_BYTES = 128;

const MEMORY_BYTES_MIN = 16 * 1024;
const SEGMENT_BYTES_MIN = 4 * 1024;
const SEGMENT_BYTES_MAX = 256 * 1024 * 1024;
/** References stay below 2^31, so that they are small integers and fit an Int32Array. */
const REFERENCES_MAX = 2 ** 31;
/** One bucket for so many bytes: the smallest znode takes more, so chains stay short when memory is full. */
const BYTES_PER_BUCKET = 128;

/**
 * Reserves the memory of a replica. Touches none of it: an empty replica of any size has next to no resident memory.
 * @throws RangeError when an option is out of range; the message names the option and its limits.
 */
export function createReplicaMemory(options: ReplicaOptions): ReplicaMemory {
  const { memoryBytesMax, readersMax, hashSeed } = options;
  const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_MAX;
  requireRange('segmentBytes', segmentBytes, SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
  if ((segmentBytes & (segmentBytes - 1)) !== 0)
    throw new RangeError(`segmentBytes ${segmentBytes}: must be a power of two`);
  requireRange('readersMax', readersMax, 0, 1024);
  const memoryBytesCap = (REFERENCES_MAX / (segmentBytes / GRANULE_BYTES)) * segmentBytes;
  requireRange('memoryBytesMax', memoryBytesMax, MEMORY_BYTES_MIN, memoryBytesCap);

  const buckets = new SharedArrayBuffer(Math.floor(memoryBytesMax / BYTES_PER_BUCKET) * 4);
  const lock = new SharedArrayBuffer((1 + readersMax) * LOCK_STRIDE_BYTES);
  const forSegments = memoryBytesMax - HEADER_BYTES - buckets.byteLength - lock.byteLength;
  if (forSegments < SEGMENT_BYTES_MIN)
    throw new RangeError(`memoryBytesMax ${memoryBytesMax}: too small for ${readersMax} readers`);
  return {
    header: new SharedArrayBuffer(HEADER_BYTES),
    buckets,
    segments: createSegments(forSegments, segmentBytes),
    lock,
    hashSeed,
  };
}

function createSegments(bytes: number, segmentBytes: number): SharedArrayBuffer[] {
  const segments: SharedArrayBuffer[] = [];
  let left = bytes - (bytes % GRANULE_BYTES);
  while (left >= SEGMENT_BYTES_MIN) {
    const length = Math.min(left, segmentBytes);
    segments.push(new SharedArrayBuffer(length));
    left -= length;
  }
  return segments;
}

function requireRange(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${name} ${value}: must be a whole number from ${least} to ${most}`);
}

/**
 * A thread's views of the segments. A reference's segment is `reference >>> shift`; the block's first word there is
 * `(reference & mask) << 1`, its first byte `(reference & mask) << 3`.
 */
export class SegmentViews {
  readonly words: readonly Int32Array[];
  readonly bytes: readonly Uint8Array[];
  readonly shift: number;
  readonly mask: number;

  constructor(memory: ReplicaMemory) {
    this.words = memory.segments.map((segment) => new Int32Array(segment));
    this.bytes = memory.segments.map((segment) => new Uint8Array(segment));
    const granules = memory.segments[0].byteLength / GRANULE_BYTES;
    this.shift = 32 - Math.clz32(granules - 1);
    this.mask = 2 ** this.shift - 1;
  }
}
