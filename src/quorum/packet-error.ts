/** What arrived on a port is not what the protocol allows; the connection is closed with this message. */
export class PacketError extends Error {
  override readonly name = 'PacketError';
}
