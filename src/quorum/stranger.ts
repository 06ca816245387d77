import { PacketType } from './packet-type.ts';

const HTTP = /^(GET|POST|HEAD|PUT|OPTIONS|CONNECT|DELETE|PATCH|TRACE|PRI) ?/;
const WORD = /^[a-z]{4}/;
const SASL_MAGIC = 0x5f2435013501edccn;
const INITIAL_MESSAGE_VERSIONS = [-65536n, -65535n];

/** What the first bytes of a connection look like that are not what belongs on this port; null for no idea. */
export function describeStranger(port: 'election' | 'quorum', bytes: Uint8Array): string | null {
  const first = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.byteLength));
  if (first.length < 4) return null;
  if ((first[0] === 0x16 || first[0] === 0x15) && first[1] === 0x03) {
    return 'a TLS client: TLS between servers is not built yet, sslQuorum must be false on all of them';
  }
  const text = first.toString('latin1');
  if (HTTP.test(text)) return 'an HTTP client';
  if (text.startsWith('SSH-')) return 'an SSH client';
  if (WORD.test(text)) return 'somebody with a four-letter word: those belong on clientPort';
  if (first.length < 8) return null;
  const long = first.readBigInt64BE(0);
  if (long === SASL_MAGIC) return 'a server that wants quorum SASL authentication, which is not built yet';
  if (port === 'quorum' && INITIAL_MESSAGE_VERSIONS.includes(long)) {
    return "a server's election message: the ports in its server lines seem to be swapped";
  }
  const head = first.readInt32BE(0);
  // FOLLOWERINFO or OBSERVERINFO: a type, then a zxid with an epoch in its upper half.
  const mayIntroduce = head === PacketType.followerInfo || head === PacketType.observerInfo;
  if (port === 'election' && mayIntroduce && first.length >= 12 && first.readInt32BE(8) === 0) {
    return "a learner's packet: the ports in its server lines seem to be swapped";
  }
  // A ConnectRequest: its length, protocol version 0.
  if (head >= 28 && head <= 256 && first.readInt32BE(4) === 0) {
    return 'a ZooKeeper client: clients belong on clientPort';
  }
  return null;
}
