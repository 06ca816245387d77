/** What a packet on the quorum port is (protocol/quorum.md §3). */
export const PacketType = {
  request: 1,
  proposal: 2,
  ack: 3,
  commit: 4,
  ping: 5,
  revalidate: 6,
  sync: 7,
  inform: 8,
  commitAndActivate: 9,
  newLeader: 10,
  followerInfo: 11,
  upToDate: 12,
  diff: 13,
  trunc: 14,
  snap: 15,
  observerInfo: 16,
  leaderInfo: 17,
  ackEpoch: 18,
  informAndActivate: 19,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** One more than the largest type. */
export const PACKET_TYPES = 20;

/** The only protocol that is spoken: ZAB 1.0 (3.4 and later), in LearnerInfo and LEADERINFO. */
export const PROTOCOL_VERSION = 0x10000;

/** Server ids beyond it are nonsense: a session id has eight bits for them, Apache's documentation allows 255. */
export const SID_MAX = 0x7fffffff;

/** The name of a packet type as the protocol writes it, for messages. */
export function packetTypeName(type: number): string {
  const name = Object.entries(PacketType).find(([, value]) => value === type)?.[0];
  return name === undefined ? `type ${type}` : name.toUpperCase();
}
