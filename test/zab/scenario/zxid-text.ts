import { counterOf, epochOf, zxidOf } from '../../../src/zab/zxid.ts';

/** A zxid as scripts write it: `epoch:counter`, or `none` for a server without a valid database. */
export function zxidText(zxid: bigint): string {
  return zxid < 0n ? 'none' : `${epochOf(zxid)}:${counterOf(zxid) >>> 0}`;
}

export function parseZxid(text: string): bigint {
  if (text === 'none') return -1n;
  const match = /^(\d+):(\d+)$/.exec(text);
  if (match === null) throw new Error(`${text} is no zxid: epoch:counter is`);
  return zxidOf(Number(match[1]), Number(match[2]));
}

/** `1:1..3,2:1` as zxids; empty text: none. */
export function parseZxids(text: string): bigint[] {
  if (text === '') return [];
  return text.split(',').flatMap((run) => {
    const [first, last] = run.split('..');
    const from = parseZxid(first!);
    if (last === undefined) return [from];
    const count = Number(last) - (counterOf(from) >>> 0) + 1;
    return Array.from({ length: count }, (_, index) => from + BigInt(index));
  });
}

/** Zxids in order, runs of an epoch as `1:1..3`. */
export function zxidsText(zxids: readonly bigint[]): string {
  const runs: string[] = [];
  for (let index = 0; index < zxids.length; ) {
    let end = index;
    while (end + 1 < zxids.length && zxids[end + 1] === zxids[end]! + 1n) end++;
    const first = zxidText(zxids[index]!);
    runs.push(end === index ? first : `${first}..${counterOf(zxids[end]!) >>> 0}`);
    index = end + 1;
  }
  return runs.length === 0 ? '-' : runs.join(',');
}
