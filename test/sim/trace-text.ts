import type { Role } from '../../src/zab/output.ts';
import type { ReceivedPacket } from '../../src/zab/packet.ts';
import type { Notification } from '../../src/zab/vote.ts';
import { zxidText } from './trace.ts';

/** What a server is, for the trace. */
export function roleText(role: Role): string {
  switch (role.kind) {
    case 'looking':
      return 'looking';
    case 'leading':
      return `leader of epoch ${role.epoch}`;
    case 'following':
    case 'observing':
      return `${role.kind} ${role.leader} in epoch ${role.epoch}`;
  }
}

/** A vote, for the trace. */
export function notificationText({ vote, round, state }: Notification): string {
  const text = vote === null ? 'nobody' : `${vote.leader} (${vote.peerEpoch}, ${zxidText(vote.zxid)})`;
  return `${['looking', 'following', 'leading', 'observing'][state]}, votes for ${text} in round ${round}`;
}

/** A packet of the quorum port with its fields, for the trace. */
export function packetText(packet: ReceivedPacket): string {
  const { type, ...rest } = packet;
  const fields = Object.entries(rest)
    .filter(([key]) => key !== 'config')
    .map(([key, value]) => `${key} ${typeof value === 'bigint' && value >= 0n ? zxidText(value) : value}`);
  return [type, ...fields].join(' ');
}
