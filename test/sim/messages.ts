import type { ReceivedPacket } from '../../src/zab/packet.ts';
import type { Notification } from '../../src/zab/vote.ts';

/** A client's request on its way to the leader (protocol/quorum.md §3, REQUEST). */
export interface ForwardedRequest {
  readonly sessionHigh: number;
  readonly sessionLow: number;
  readonly cxid: number;
  readonly opcode: number;
  readonly body: Uint8Array;
}

export interface TouchedSession {
  readonly idHigh: number;
  readonly idLow: number;
  readonly timeoutMs: number;
}

/** What goes over a connection of the quorum port. */
export type QuorumMessage =
  | { readonly kind: 'packet'; readonly packet: ReceivedPacket; readonly touched: readonly TouchedSession[] }
  /** A piece of the tree that follows SNAP. */
  | { readonly kind: 'snapshot'; readonly bytes: Uint8Array; readonly isLast: boolean }
  | {
      readonly kind: 'proposal';
      readonly epoch: number;
      readonly counter: number;
      readonly entry: Uint8Array;
    }
  | { readonly kind: 'inform'; readonly epoch: number; readonly counter: number; readonly entry: Uint8Array }
  | { readonly kind: 'commit'; readonly epoch: number; readonly counter: number }
  | { readonly kind: 'ack'; readonly epoch: number; readonly counter: number }
  | { readonly kind: 'request'; readonly request: ForwardedRequest }
  | {
      readonly kind: 'revalidate';
      readonly idHigh: number;
      readonly idLow: number;
      readonly timeoutMs: number;
    }
  | {
      readonly kind: 'revalidated';
      readonly idHigh: number;
      readonly idLow: number;
      readonly isValid: boolean;
    }
  | { readonly kind: 'sync' };

/** What goes over a connection of the election port. */
export interface ElectionMessage {
  readonly from: number;
  readonly notification: Notification;
}

/** What a client sends. */
export type ClientMessage =
  | {
      readonly kind: 'connect';
      readonly idHigh: number;
      readonly idLow: number;
      readonly timeoutMs: number;
      readonly lastZxidKey: number;
    }
  | { readonly kind: 'request'; readonly xid: number; readonly opcode: number; readonly body: Uint8Array };

/** What a client gets: the answer to its connect (timeout 0: the session is gone), or frames as they stand on the wire. */
export type ServerMessage =
  | {
      readonly kind: 'connected';
      readonly idHigh: number;
      readonly idLow: number;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'frames'; readonly bytes: Uint8Array };
