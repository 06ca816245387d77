import type { Stat } from '../../client/index.ts';
import { javaDate } from '../../server/dump-word.ts';

/** A Stat as Apache's command line prints it, without the last line feed. */
export function statText(stat: Stat): string {
  const hex = (value: bigint) => `0x${BigInt.asUintN(64, value).toString(16)}`;
  return [
    `cZxid = ${hex(stat.czxid)}`,
    `ctime = ${javaDate(new Date(stat.ctime))}`,
    `mZxid = ${hex(stat.mzxid)}`,
    `mtime = ${javaDate(new Date(stat.mtime))}`,
    `pZxid = ${hex(stat.pzxid)}`,
    `cversion = ${stat.cversion}`,
    `dataVersion = ${stat.version}`,
    `aclVersion = ${stat.aversion}`,
    `ephemeralOwner = ${hex(stat.ephemeralOwner)}`,
    `dataLength = ${stat.dataLength}`,
    `numChildren = ${stat.numChildren}`,
  ].join('\n');
}
