import { compareLongs, longToHex, longToNumber } from '../../protocol/long.ts';
import { LongMap } from '../../protocol/long-map.ts';
import type { SnapshotInput } from '../../storage/snapshot-input.ts';
import type { SnapshotSink } from '../../storage/snapshot-scan.ts';
import { javaDate, paddedHex } from './java-text.ts';
import type { Output } from './output.ts';
import { NO_SINK, pathText, readSnapshotFile, zxidInName } from './snapshot-file.ts';

/** Where the fields of StatPersisted lie (disk.md §4). */
const Stat = {
  czxid: 0,
  mzxid: 8,
  ctime: 16,
  mtime: 24,
  version: 32,
  cversion: 36,
  aversion: 40,
  ephemeralOwner: 44,
  pzxid: 52,
} as const;
const ACL_KEY_BYTES = 8;

interface Session {
  readonly idHigh: number;
  readonly idLow: number;
  readonly timeoutMs: number;
  ephemerals: number;
}

/**
 * Prints what SnapshotFormatter of Apache prints: znodes, sessions, the last zxid. Reads the file twice, since the number of
 * znodes comes first: nothing is printed of a damaged file, and of a large one no more than a znode is in memory.
 */
export function formatSnapshot(path: string, withData: boolean, out: Output): void {
  const summary = new Summary();
  const { znodes } = readSnapshotFile(path, summary);
  // Apache counts the root under both of its names.
  out.line(`ZNode Details (count=${znodes + 1}):`);
  readSnapshotFile(path, { ...NO_SINK, znode: printerOfZnodes(withData, out) });
  out.line('----');
  out.line('Session Details (sid, timeout, ephemeralCount):');
  for (const { idHigh, idLow, timeoutMs, ephemerals } of summary.sessions.values())
    out.line(`${paddedHex(idHigh, idLow)}, ${timeoutMs}, ${ephemerals}`);
  const { high, low } = summary.lastZxid(zxidInName(path));
  out.line('----');
  out.line(`Last zxid: ${longToHex(high, low)}`);
}

class Summary implements SnapshotSink {
  readonly sessions = new LongMap<Session>();
  #high = 0;
  #low = 0;

  session(idHigh: number, idLow: number, timeoutMs: number): void {
    this.sessions.set(idHigh, idLow, { idHigh, idLow, timeoutMs, ephemerals: 0 });
  }

  acl(): void {}

  znode(input: SnapshotInput, _path: number, _length: number, _data: number, _size: number, keyAt: number) {
    const { view } = input;
    const stat = keyAt + ACL_KEY_BYTES;
    this.#saw(view.getInt32(stat + Stat.mzxid), view.getInt32(stat + Stat.mzxid + 4));
    this.#saw(view.getInt32(stat + Stat.pzxid), view.getInt32(stat + Stat.pzxid + 4));
    const owner = stat + Stat.ephemeralOwner;
    const session = this.sessions.get(view.getInt32(owner), view.getInt32(owner + 4));
    if (session !== undefined) session.ephemerals++;
  }

  end(): void {}

  /** The later of the newest change to a znode and the zxid in the file's name. */
  lastZxid(named: { high: number; low: number }): { high: number; low: number } {
    this.#saw(named.high, named.low);
    return { high: this.#high, low: this.#low };
  }

  #saw(high: number, low: number): void {
    if (compareLongs(high, low, this.#high, this.#low) <= 0) return;
    this.#high = high;
    this.#low = low;
  }
}

function printerOfZnodes(withData: boolean, out: Output): SnapshotSink['znode'] {
  const dates = new DateTexts();
  return (input, pathAt, pathLength, dataAt, dataLength, keyAt) => {
    const { view } = input;
    const stat = keyAt + ACL_KEY_BYTES;
    const hex = (at: number) => paddedHex(view.getInt32(stat + at), view.getInt32(stat + at + 4));
    const date = (at: number) => dates.of(view.getInt32(stat + at), view.getInt32(stat + at + 4));
    const lines = [
      '----',
      pathLength === 0 ? '/' : pathText(input, pathAt, pathLength),
      `  cZxid = ${hex(Stat.czxid)}`,
      `  ctime = ${date(Stat.ctime)}`,
      `  mZxid = ${hex(Stat.mzxid)}`,
      `  mtime = ${date(Stat.mtime)}`,
      `  pZxid = ${hex(Stat.pzxid)}`,
      `  cversion = ${view.getInt32(stat + Stat.cversion)}`,
      `  dataVersion = ${view.getInt32(stat + Stat.version)}`,
      `  aclVersion = ${view.getInt32(stat + Stat.aversion)}`,
      `  ephemeralOwner = ${hex(Stat.ephemeralOwner)}`,
      withData
        ? `  data = ${base64(input, dataAt, dataLength)}`
        : `  dataLength = ${Math.max(0, dataLength)}`,
    ];
    out.line(lines.join('\n'));
  };
}

function base64(input: SnapshotInput, at: number, length: number): string {
  return length <= 0
    ? ''
    : Buffer.from(input.bytes.buffer, input.bytes.byteOffset + at, length).toString('base64');
}

/** Znodes that follow each other were often made in the same second, and a date's text costs more than all the rest. */
class DateTexts {
  #second = Number.NaN;
  #text = '';

  of(high: number, low: number): string {
    const ms = longToNumber(high, low);
    const second = Math.floor(ms / 1000);
    if (second === this.#second) return this.#text;
    this.#second = second;
    this.#text = javaDate(ms);
    return this.#text;
  }
}
