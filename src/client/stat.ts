// Hot path: one Stat is made per read.

import type { JuteReader } from '../jute/reader.ts';

/** A znode's Stat (protocol/client.md §1.1). Times are in milliseconds since 1970. */
export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  /** Counts creations and deletions of children. */
  readonly cversion: number;
  readonly aversion: number;
  /** The session that owns an ephemeral znode, else 0n. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;
}

/** Reads a Stat of 68 bytes. */
export function readStat(reader: JuteReader): Stat {
  return {
    czxid: reader.readLong(),
    mzxid: reader.readLong(),
    ctime: readMs(reader),
    mtime: readMs(reader),
    version: reader.readInt(),
    cversion: reader.readInt(),
    aversion: reader.readInt(),
    ephemeralOwner: reader.readLong(),
    dataLength: reader.readInt(),
    numChildren: reader.readInt(),
    pzxid: reader.readLong(),
  };
}

function readMs(reader: JuteReader): number {
  const high = reader.readInt();
  return high * 4294967296 + (reader.readInt() >>> 0);
}
