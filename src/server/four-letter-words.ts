/** All words of protocol/client.md §12, in Apache's order. */
export const fourLetterWords = [
  'conf',
  'cons',
  'crst',
  'dirs',
  'dump',
  'envi',
  'gtmk',
  'hash',
  'isro',
  'mntr',
  'ruok',
  'srst',
  'srvr',
  'stat',
  'stmk',
  'telnet close',
  'wchc',
  'wchp',
  'wchs',
] as const;
export type FourLetterWord = (typeof fourLetterWords)[number];

/** The words that need data to be answered; the others {@link immediateAnswer} answers alone. */
export type DataWord = Exclude<FourLetterWord, 'ruok' | 'telnet close'>;

export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer' | 'read-only';

/** What srvr, stat and mntr say of the server. Latencies in ms. */
export interface ServerStatus {
  /** As in `3.9.5-<build>`: clients read the digits before the `-`. */
  readonly version: string;
  /** As in `2026-02-11 20:15 UTC`. */
  readonly built: string;
  readonly latency: { readonly min: number; readonly average: number; readonly max: number };
  readonly received: number;
  readonly sent: number;
  readonly connections: number;
  readonly outstanding: number;
  readonly zxid: bigint;
  readonly mode: ServerMode;
  /** As Apache counts: with both names of the root, so 5 in an empty tree. */
  readonly znodeCount: number;
}

/** A client connection, for stat and cons. */
export interface ConnectionStatus {
  /** IP address as text, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  /** java.nio interest bits: 1 reading, 4 writing. */
  readonly interestOps: number;
  /** Requests that wait for their reply. */
  readonly queued: number;
  readonly received: number;
  readonly sent: number;
  /** Absent until the connection has a session. */
  readonly session?: SessionStatus;
}

export interface SessionStatus {
  /** Unsigned or signed 64 bits alike. */
  readonly id: bigint;
  /** Code of the last operation, as in `GETD`; `NA` for none. */
  readonly lastOperation: string;
  /** Wall clock. */
  readonly establishedMs: number;
  readonly timeoutMs: number;
  /** Negative when there was none. */
  readonly lastCxid: number;
  readonly lastZxid: bigint;
  /** Monotonic clock. */
  readonly lastResponseMs: number;
  readonly lastLatencyMs: number;
  readonly minLatencyMs: number;
  readonly averageLatencyMs: number;
  readonly maxLatencyMs: number;
}

/** What conf says; directories with `version-2`, sizes in bytes. */
export interface ConfigurationStatus {
  readonly clientPort: number;
  /** -1 for none. */
  readonly secureClientPort: number;
  readonly dataDir: string;
  readonly dataDirSizeBytes: number;
  readonly dataLogDir: string;
  readonly dataLogSizeBytes: number;
  readonly tickTimeMs: number;
  readonly connectionsPerAddressMax: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly clientPortListenBacklog: number;
  /** Apache's standalone server says 0. */
  readonly serverId: number;
}

/** A line of mntr; `name` without the prefix `zk_`. `decimal` prints as a Java double does (`0.0`). */
export interface MetricValue {
  readonly name: string;
  readonly value: number | bigint;
  readonly kind: 'integer' | 'decimal';
}

/** The gauges that mntr gives beside those of {@link ServerStatus}; bytes and ms as named. */
export interface ServerGauges {
  readonly watchCount: number;
  readonly ephemeralsCount: number;
  readonly approximateDataSizeBytes: number;
  readonly globalSessions: number;
  readonly localSessions: number;
  readonly openFileDescriptors: number;
  readonly fileDescriptorsMax: number;
  readonly uptimeMs: number;
  /** Batches made durable, and what write and fdatasync of one took. */
  readonly fsyncCount: number;
  readonly fsyncSumMs: number;
  readonly fsyncMaxMs: number;
  readonly fsyncAverageMs: number;
  readonly replicaMemoryBytesMax: number;
  readonly replicaUsedBytes: number;
  readonly replicaFreeBytes: number;
  readonly replicaLargestFreeBytes: number;
  /** 0 (all free space in one piece) to 1. */
  readonly replicaFragmentation: number;
  readonly replicaBytesPerZnode: number;
}

/** What telnet sends for Ctrl-C, which Apache takes for a word of this name. */
const TELNET_CLOSE = 0xfff4fffd;

const wordsByBytes = new Map<number, FourLetterWord>(
  fourLetterWords.map((word) => [
    word === 'telnet close' ? TELNET_CLOSE : Buffer.from(word, 'latin1').readUInt32BE(),
    word,
  ]),
);

/** The word that a connection's first four bytes are, or null when they are a packet's length. */
export function parseFourLetterWord(bytes: Uint8Array): FourLetterWord | null {
  if (bytes.length < 4) return null;
  const value = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
  return wordsByBytes.get(value) ?? null;
}

/** Whether the whitelist (ServerConfig.fourLetterWords) has the word; srvr always is, as zkServer.sh asks it. */
export function isEnabled(word: FourLetterWord, whitelist: readonly string[]): boolean {
  return word === 'srvr' || whitelist.includes('*') || whitelist.includes(word);
}

/**
 * The whole answer, where it needs no data: the word is not enabled, says nothing of the server, or the server is not
 * serving. Null: answer the {@link DataWord} that {@link isDataWord} tells.
 */
export function immediateAnswer(
  word: FourLetterWord,
  whitelist: readonly string[],
  isServing: boolean,
): string | null {
  if (!isEnabled(word, whitelist)) return `${word} is not executed because it is not in the whitelist.\n`;
  if (word === 'ruok') return 'imok';
  if (word === 'telnet close') return '';
  if (isServing || word === 'envi' || word === 'gtmk' || word === 'stmk') return null;
  if (word === 'isro') return 'null';
  return `This ZooKeeper instance is not currently serving requests${word === 'hash' ? '' : '\n'}`;
}

/** Whether the word asks for what the server knows. */
export function isDataWord(word: FourLetterWord): word is DataWord {
  return word !== 'ruok' && word !== 'telnet close';
}

/** isro */
export function formatIsReadOnly(isReadOnly: boolean): string {
  return isReadOnly ? 'ro' : 'rw';
}

/** srvr */
export function formatServer(status: ServerStatus): string {
  return versionLine(status) + serverLines(status);
}

/** stat: srvr with the connections between. */
export function formatStat(status: ServerStatus, connections: readonly ConnectionStatus[]): string {
  const clients = connections.map((connection) => ` ${formatConnection(connection, false)}\n`).join('');
  return `${versionLine(status)}Clients:\n${clients}\n${serverLines(status)}`;
}

/** cons */
export function formatConnections(connections: readonly ConnectionStatus[]): string {
  return `${connections.map((connection) => ` ${formatConnection(connection, true)}\n`).join('')}\n`;
}

/** dirs */
export function formatDirectorySizes(dataDirBytes: number, logDirBytes: number): string {
  return `datadir_size: ${dataDirBytes}\nlogdir_size: ${logDirBytes}\n`;
}

/** hash: zxids in hex, digests as signed decimals. */
export function formatDigests(entries: readonly { zxid: bigint; digest: bigint }[]): string {
  const lines = entries.map(({ zxid, digest }) => {
    return `${BigInt.asUintN(64, zxid).toString(16)}: ${BigInt.asIntN(64, digest)}\n`;
  });
  return lines.join('');
}

/** conf */
export function formatConfiguration(status: ConfigurationStatus): string {
  const lines = [
    `clientPort=${status.clientPort}`,
    `secureClientPort=${status.secureClientPort}`,
    `dataDir=${status.dataDir}`,
    `dataDirSize=${status.dataDirSizeBytes}`,
    `dataLogDir=${status.dataLogDir}`,
    `dataLogSize=${status.dataLogSizeBytes}`,
    `tickTime=${status.tickTimeMs}`,
    `maxClientCnxns=${status.connectionsPerAddressMax}`,
    `minSessionTimeout=${status.minSessionTimeoutMs}`,
    `maxSessionTimeout=${status.maxSessionTimeoutMs}`,
    `clientPortListenBacklog=${status.clientPortListenBacklog}`,
    `serverId=${status.serverId}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** mntr: version and state, that of a member of an ensemble in more detail, then the metrics in the order given. */
export function formatMonitor(
  status: Pick<ServerStatus, 'version' | 'built' | 'mode'>,
  peerState: string | null,
  metrics: readonly MetricValue[],
): string {
  const lines = metrics.map(({ name, value, kind }) => {
    return `zk_${name}\t${kind === 'decimal' ? javaDouble(Number(value)) : value}\n`;
  });
  const head = `zk_version\t${status.version}, built on ${status.built}\nzk_server_state\t${status.mode}\n`;
  return head + (peerState === null ? '' : `zk_peer_state\t${peerState}\n`) + lines.join('');
}

/** Apache's gauges, under Apache's names, then those of the replica. */
export function serverMetrics(status: ServerStatus, gauges: ServerGauges): MetricValue[] {
  return [
    decimal('avg_latency', status.latency.average),
    integer('max_latency', status.latency.max),
    integer('min_latency', status.latency.min),
    integer('packets_received', status.received),
    integer('packets_sent', status.sent),
    integer('num_alive_connections', status.connections),
    integer('outstanding_requests', status.outstanding),
    integer('znode_count', status.znodeCount),
    integer('watch_count', gauges.watchCount),
    integer('ephemerals_count', gauges.ephemeralsCount),
    integer('approximate_data_size', gauges.approximateDataSizeBytes),
    integer('global_sessions', gauges.globalSessions),
    integer('local_sessions', gauges.localSessions),
    integer('open_file_descriptor_count', gauges.openFileDescriptors),
    integer('max_file_descriptor_count', gauges.fileDescriptorsMax),
    integer('uptime', gauges.uptimeMs),
    decimal('avg_fsynctime', gauges.fsyncAverageMs),
    integer('max_fsynctime', Math.round(gauges.fsyncMaxMs)),
    integer('cnt_fsynctime', gauges.fsyncCount),
    integer('sum_fsynctime', Math.round(gauges.fsyncSumMs)),
    integer('replica_memory_bytes_max', gauges.replicaMemoryBytesMax),
    integer('replica_memory_used_bytes', gauges.replicaUsedBytes),
    integer('replica_memory_free_bytes', gauges.replicaFreeBytes),
    integer('replica_memory_largest_free_bytes', gauges.replicaLargestFreeBytes),
    decimal('replica_memory_fragmentation', gauges.replicaFragmentation),
    decimal('replica_memory_bytes_per_znode', gauges.replicaBytesPerZnode),
  ];
}

function integer(name: string, value: number): MetricValue {
  return { name, value, kind: 'integer' };
}

function decimal(name: string, value: number): MetricValue {
  return { name, value, kind: 'decimal' };
}

function versionLine(status: ServerStatus): string {
  const line = `Zookeeper version: ${status.version}, built on ${status.built}\n`;
  return status.mode === 'read-only' ? `${line}READ-ONLY mode; serving only read-only clients\n` : line;
}

function serverLines(status: ServerStatus): string {
  const { latency } = status;
  const lines = [
    `Latency min/avg/max: ${latency.min}/${javaDouble(latency.average)}/${latency.max}`,
    `Received: ${status.received}`,
    `Sent: ${status.sent}`,
    `Connections: ${status.connections}`,
    `Outstanding: ${status.outstanding}`,
    `Zxid: ${hex(status.zxid)}`,
    `Mode: ${status.mode}`,
    `Node count: ${status.znodeCount}`,
  ];
  return `${lines.join('\n')}\n`;
}

function formatConnection(connection: ConnectionStatus, isFull: boolean): string {
  const { address, port, interestOps, queued, received, sent, session } = connection;
  const host = address.includes(':') ? `[${address}]` : address;
  const counts = `queued=${queued},recved=${received},sent=${sent}`;
  const rest = isFull && session !== undefined ? formatSession(session) : '';
  return `/${host}:${port}[${interestOps.toString(16)}](${counts}${rest})`;
}

function formatSession(session: SessionStatus): string {
  const cxid = session.lastCxid >= 0 ? `,lcxid=0x${session.lastCxid.toString(16)}` : '';
  return [
    `,sid=${hex(session.id)},lop=${session.lastOperation},est=${session.establishedMs},to=${session.timeoutMs}`,
    `${cxid},lzxid=${hex(session.lastZxid)},lresp=${session.lastResponseMs},llat=${session.lastLatencyMs}`,
    `,minlat=${session.minLatencyMs},avglat=${Math.trunc(session.averageLatencyMs)},maxlat=${session.maxLatencyMs}`,
  ].join('');
}

/** As java.lang.Long.toHexString: negative numbers by their 64 bits. */
function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** A number as java.lang.Double.toString prints it, rounded to four places as Apache's averages are. */
export function javaDouble(value: number): string {
  const rounded = Math.round(value * 10_000) / 10_000;
  if (!Number.isFinite(rounded))
    return Number.isNaN(rounded) ? 'NaN' : rounded > 0 ? 'Infinity' : '-Infinity';
  const magnitude = Math.abs(rounded);
  if (magnitude === 0 || (magnitude >= 1e-3 && magnitude < 1e7)) {
    return Number.isInteger(rounded) ? rounded.toFixed(1) : String(rounded);
  }
  const [digits, exponent] = rounded.toExponential().split('e');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
}
