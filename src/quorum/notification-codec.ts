import { decodeUtf8 } from '../jute/reader.ts';
import { PeerState } from '../zab/peer-state.ts';
import type { Notification } from '../zab/vote.ts';
import { epochOf } from '../zab/zxid.ts';

/** Layout that is written: with a configuration (protocol/quorum.md §2.2). */
const VERSION = 2;
const HEAD_BYTES = 44;
/** Without peerEpoch (3.3), and without version (3.4). */
const BYTES_WITHOUT_PEER_EPOCH = 28;
const BYTES_WITHOUT_VERSION = 40;
/** In all three fields of a vote: its sender proposes nobody. */
const NOBODY = -0x8000000000000000n;

/** A notification as a frame of the election port, its length in front. */
export function encodeNotification(notification: Notification): Buffer {
  const config = Buffer.from(notification.config, 'utf8');
  const frame = Buffer.alloc(4 + HEAD_BYTES + config.length);
  const { vote } = notification;
  frame.writeInt32BE(HEAD_BYTES + config.length, 0);
  frame.writeInt32BE(notification.state, 4);
  frame.writeBigInt64BE(vote === null ? NOBODY : BigInt(vote.leader), 8);
  frame.writeBigInt64BE(vote === null ? NOBODY : vote.zxid, 16);
  frame.writeBigInt64BE(BigInt(notification.round), 24);
  frame.writeBigInt64BE(vote === null ? NOBODY : BigInt(vote.peerEpoch), 32);
  frame.writeInt32BE(VERSION, 40);
  frame.writeInt32BE(config.length, 44);
  config.copy(frame, 4 + HEAD_BYTES);
  return frame;
}

/** A notification from a frame without its length, of any layout; or what is wrong with it. */
export function decodeNotification(frame: Buffer): Notification | string {
  const { length } = frame;
  if (length < BYTES_WITHOUT_PEER_EPOCH) return `${length} bytes are no notification`;
  const hasPeerEpoch = length !== BYTES_WITHOUT_PEER_EPOCH;
  const hasVersion = hasPeerEpoch && length !== BYTES_WITHOUT_VERSION;
  if (hasPeerEpoch && length < BYTES_WITHOUT_VERSION + (hasVersion ? 4 : 0)) {
    return `${length} bytes are no notification`;
  }
  const state = peerStateOf(frame.readInt32BE(0));
  if (state === null) return `peer state ${frame.readInt32BE(0)}`;
  const leader = frame.readBigInt64BE(4);
  const zxid = frame.readBigInt64BE(12);
  const round = wholeNumber(frame.readBigInt64BE(20));
  const peerEpoch = hasPeerEpoch ? wholeNumber(frame.readBigInt64BE(28)) : epochOf(zxid);
  const version = hasVersion ? frame.readInt32BE(36) : 0;
  const config = version >= VERSION ? readConfig(frame) : '';
  if (config === null) return 'a configuration longer than the message';
  if (round === null) return 'a round beyond all that can be';
  if (leader === NOBODY) return { vote: null, round, state, version, config };
  const sid = wholeNumber(leader);
  if (sid === null || peerEpoch === null)
    return `a vote for server ${leader}, with an id or epoch that cannot be`;
  return { vote: { leader: sid, zxid, peerEpoch }, round, state, version, config };
}

function peerStateOf(value: number): PeerState | null {
  return Object.values(PeerState).find((state) => state === value) ?? null;
}

/** null for what is beyond a double's whole numbers: no id, epoch or round gets there honestly. */
function wholeNumber(value: bigint): number | null {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

function readConfig(frame: Buffer): string | null {
  if (frame.length < HEAD_BYTES) return null;
  const length = frame.readInt32BE(40);
  if (length < 0 || length > frame.length - HEAD_BYTES) return null;
  return decodeUtf8(frame, HEAD_BYTES, HEAD_BYTES + length);
}
