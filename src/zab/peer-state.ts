/** What a server of an ensemble is doing; the numbers go over the wire (protocol/quorum.md §1). */
export const PeerState = { looking: 0, following: 1, leading: 2, observing: 3 } as const;
export type PeerState = (typeof PeerState)[keyof typeof PeerState];
