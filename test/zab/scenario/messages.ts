import type { DurablePacket, ImmediatePacket } from '../../../src/zab/packet.ts';
import type { PeerState } from '../../../src/zab/peer-state.ts';
import type { Notification } from '../../../src/zab/vote.ts';
import { zxidOf } from '../../../src/zab/zxid.ts';
import { parseZxid, zxidText } from './zxid-text.ts';

/** A txn: its zxid, and what tells it from another one that was given the same zxid. */
export interface Txn {
  readonly zxid: bigint;
  readonly content: string;
}

/** What travels over a quorum connection. */
export type Message =
  | { readonly kind: 'packet'; readonly packet: ImmediatePacket | DurablePacket }
  | { readonly kind: 'snap'; readonly zxid: bigint; readonly tree: readonly Txn[] }
  | { readonly kind: 'proposal'; readonly txn: Txn }
  | { readonly kind: 'commit'; readonly zxid: bigint }
  | { readonly kind: 'inform'; readonly txn: Txn }
  | { readonly kind: 'ack'; readonly zxid: bigint }
  | { readonly kind: 'closed'; readonly reason: string };

/** As the trace shows it, under Apache's names. */
export function messageText(message: Message): string {
  switch (message.kind) {
    case 'packet':
      return packetText(message.packet);
    case 'snap':
      return `SNAP ${zxidText(message.zxid)}`;
    case 'proposal':
      return `PROPOSAL ${zxidText(message.txn.zxid)}`;
    case 'commit':
      return `COMMIT ${zxidText(message.zxid)}`;
    case 'inform':
      return `INFORM ${zxidText(message.txn.zxid)}`;
    case 'ack':
      return `ACK ${zxidText(message.zxid)}`;
    case 'closed':
      return `closed: ${message.reason}`;
    default:
      throw new Error(`unknown message ${message satisfies never}`);
  }
}

function packetText(packet: ImmediatePacket | DurablePacket): string {
  switch (packet.type) {
    case 'learnerInfo':
      return `${packet.isObserver ? 'OBSERVERINFO' : 'FOLLOWERINFO'} accepted=${packet.acceptedEpoch}`;
    case 'leaderInfo':
      return `LEADERINFO ${packet.epoch}`;
    case 'ackEpoch':
      return `ACKEPOCH last=${zxidText(packet.lastZxid)} current=${packet.currentEpoch}`;
    case 'diff':
      return `DIFF ${zxidText(packet.zxid)}`;
    case 'trunc':
      return `TRUNC ${zxidText(packet.zxid)}`;
    case 'newLeader':
      return `NEWLEADER ${packet.epoch}`;
    case 'newLeaderAck':
      return `ACK ${zxidText(zxidOf(packet.epoch, 0))}`;
    case 'upToDate':
      return 'UPTODATE';
    case 'ping':
      return `PING ${zxidText(packet.zxid)}`;
    default:
      throw new Error(`unknown packet ${packet satisfies never}`);
  }
}

/** A message as a script writes it for `inject`. */
export function parseMessage(text: string, zxidOfText: (text: string) => bigint): Message {
  const [name = '', ...words] = text.split(' ');
  const value = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const zxid = () => zxidOfText(words[0] ?? '');
  const txn = () => ({ zxid: zxid(), content: value('content') ?? `injected ${words[0]}` });
  const epoch = Number(words[0]);
  const packet = (body: ImmediatePacket | DurablePacket): Message => ({ kind: 'packet', packet: body });
  switch (name) {
    case 'FOLLOWERINFO':
    case 'OBSERVERINFO':
      return packet({
        type: 'learnerInfo',
        isObserver: name === 'OBSERVERINFO',
        acceptedEpoch: Number(value('accepted') ?? 0),
        sid: Number(value('sid')),
        configVersion: BigInt(value('config') ?? 0),
      });
    case 'LEADERINFO':
      return packet({ type: 'leaderInfo', epoch });
    case 'ACKEPOCH':
      return packet({
        type: 'ackEpoch',
        lastZxid: zxidOfText(value('last') ?? '0:0'),
        currentEpoch: Number(value('current') ?? -1),
      });
    case 'DIFF':
      return packet({ type: 'diff', zxid: zxid() });
    case 'TRUNC':
      return packet({ type: 'trunc', zxid: zxid() });
    case 'SNAP':
      return { kind: 'snap', zxid: zxid(), tree: [] };
    case 'NEWLEADER':
      return packet({ type: 'newLeader', epoch, config: '' });
    case 'NEWLEADERACK':
      return packet({ type: 'newLeaderAck', epoch });
    case 'UPTODATE':
      return packet({ type: 'upToDate' });
    case 'PING':
      return packet({ type: 'ping', zxid: zxid() });
    case 'PROPOSAL':
      return { kind: 'proposal', txn: txn() };
    case 'INFORM':
      return { kind: 'inform', txn: txn() };
    case 'COMMIT':
      return { kind: 'commit', zxid: zxid() };
    case 'ACK':
      return { kind: 'ack', zxid: zxid() };
    default:
      throw new Error(`${name} is no packet`);
  }
}

const STATE_NAMES = ['looking', 'following', 'leading', 'observing'] as const;

export function voteText({ vote, round, state }: Notification): string {
  const text = vote === null ? 'nobody' : `${vote.leader} at ${zxidText(vote.zxid)} epoch ${vote.peerEpoch}`;
  return `${STATE_NAMES[state]} round ${round}: ${text}`;
}

/** A vote as {@link voteText} has it, for `vote`; ` version 0` behind it: in that layout. */
export function parseVote(text: string): Notification {
  const match = /^(\w+) round (\d+): (?:nobody|(\d+) at (\S+) epoch (\d+))(?: version (\d+))?$/.exec(text);
  const state = (STATE_NAMES as readonly (string | undefined)[]).indexOf(match?.[1]);
  if (match === null || state < 0) throw new Error(`${text} is no vote`);
  const [, , round, leader, zxid, epoch, version] = match;
  const vote =
    leader === undefined
      ? null
      : { leader: Number(leader), zxid: parseZxid(zxid!), peerEpoch: Number(epoch) };
  return { vote, round: Number(round), state: state as PeerState, version: Number(version ?? 2), config: '' };
}
