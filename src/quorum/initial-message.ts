import { formatHostAddress, type HostAddress, isWildcard, parseHostAddress } from './host-address.ts';
import { SID_MAX } from './packet-type.ts';

/** What a server says first on an election connection that it has dialled (protocol/quorum.md §2.1). */
export interface InitialMessage {
  /** null: an observer without an id of its own (Long.MAX_VALUE). */
  readonly sid: number | null;
  /** Where the sender's election port is; empty in the layout of 3.4, and when it told wildcard addresses only. */
  readonly addresses: readonly HostAddress[];
}

export type InitialMessageResult =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'message'; readonly message: InitialMessage; readonly length: number }
  | { readonly kind: 'bad'; readonly problem: string };

const VERSION_1 = -65536n;
/** With several addresses, separated by `|`. */
const VERSION_2 = -65535n;
const ANY_OBSERVER = 0x7fffffffffffffffn;
const HEAD_BYTES = 20;
const ADDRESS_BYTES_MAX = 2048;

/** `addresses`: the own election addresses; only the first is told unless `multiAddress`. */
export function encodeInitialMessage(
  sid: number,
  addresses: readonly HostAddress[],
  multiAddress: boolean,
): Buffer {
  const told = multiAddress ? addresses : addresses.slice(0, 1);
  const text = Buffer.from(told.map(formatHostAddress).join('|'), 'utf8');
  if (text.length < 1 || text.length > ADDRESS_BYTES_MAX) {
    throw new RangeError(`election addresses of ${text.length} bytes, 1 to ${ADDRESS_BYTES_MAX} can be told`);
  }
  const bytes = Buffer.alloc(HEAD_BYTES + text.length);
  bytes.writeBigInt64BE(multiAddress ? VERSION_2 : VERSION_1, 0);
  bytes.writeBigInt64BE(BigInt(sid), 8);
  bytes.writeInt32BE(text.length, 16);
  text.copy(bytes, HEAD_BYTES);
  return bytes;
}

/** Reads the message from what has arrived so far; frames may follow it in the same bytes. */
export function decodeInitialMessage(bytes: Buffer): InitialMessageResult {
  if (bytes.length < 8) return { kind: 'incomplete' };
  const version = bytes.readBigInt64BE(0);
  // 3.4 sends its id and nothing else.
  if (version >= 0n) return withSid(version, [], 8);
  if (version !== VERSION_1 && version !== VERSION_2) {
    return { kind: 'bad', problem: `unknown version ${version} of the initial message` };
  }
  if (bytes.length < HEAD_BYTES) return { kind: 'incomplete' };
  const length = bytes.readInt32BE(16);
  if (length < 1 || length > ADDRESS_BYTES_MAX) {
    return {
      kind: 'bad',
      problem: `an election address of ${length} bytes, 1 to ${ADDRESS_BYTES_MAX} may be`,
    };
  }
  if (bytes.length < HEAD_BYTES + length) return { kind: 'incomplete' };
  const text = bytes.toString('utf8', HEAD_BYTES, HEAD_BYTES + length);
  const addresses: HostAddress[] = [];
  for (const part of text.split('|')) {
    const address = parseHostAddress(part);
    if (address === null) return { kind: 'bad', problem: `election address ${JSON.stringify(part)}` };
    if (!isWildcard(address.host)) addresses.push(address);
  }
  return withSid(bytes.readBigInt64BE(8), addresses, HEAD_BYTES + length);
}

function withSid(sid: bigint, addresses: readonly HostAddress[], length: number): InitialMessageResult {
  if (sid === ANY_OBSERVER) return { kind: 'message', message: { sid: null, addresses }, length };
  if (sid < 0n || sid > BigInt(SID_MAX)) return { kind: 'bad', problem: `server id ${sid}` };
  return { kind: 'message', message: { sid: Number(sid), addresses }, length };
}
