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
];
/** What telnet sends for Ctrl-C, which Apache takes for a word of this name. */
const TELNET_CLOSE = 0xfff4fffd;
const wordsByBytes = new Map(fourLetterWords.map((word) => [
    word === 'telnet close' ? TELNET_CLOSE : Buffer.from(word, 'latin1').readUInt32BE(),
    word,
]));
/** The word that a connection's first four bytes are, or null when they are a packet's length. */
export function parseFourLetterWord(bytes) {
    if (bytes.length < 4)
        return null;
    const value = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
    return wordsByBytes.get(value) ?? null;
}
/** Whether the whitelist (ServerConfig.fourLetterWords) has the word; srvr always is, as zkServer.sh asks it. */
export function isEnabled(word, whitelist) {
    return word === 'srvr' || whitelist.includes('*') || whitelist.includes(word);
}
/**
 * The whole answer, where it needs no data: the word is not enabled, says nothing of the server, or the server is not
 * serving. Null: answer the {@link DataWord} that {@link isDataWord} tells.
 */
export function immediateAnswer(word, whitelist, isServing) {
    if (!isEnabled(word, whitelist))
        return `${word} is not executed because it is not in the whitelist.\n`;
    if (word === 'ruok')
        return 'imok';
    if (word === 'telnet close')
        return '';
    if (isServing || word === 'envi' || word === 'gtmk' || word === 'stmk')
        return null;
    if (word === 'isro')
        return 'null';
    return `This ZooKeeper instance is not currently serving requests${word === 'hash' ? '' : '\n'}`;
}
/** Whether the word asks for what the server knows. */
export function isDataWord(word) {
    return word !== 'ruok' && word !== 'telnet close';
}
/** isro */
export function formatIsReadOnly(isReadOnly) {
    return isReadOnly ? 'ro' : 'rw';
}
/** srvr */
export function formatServer(status) {
    return versionLine(status) + serverLines(status);
}
/** stat: srvr with the connections between. */
export function formatStat(status, connections) {
    const clients = connections.map((connection) => ` ${formatConnection(connection, false)}\n`).join('');
    return `${versionLine(status)}Clients:\n${clients}\n${serverLines(status)}`;
}
/** cons */
export function formatConnections(connections) {
    return `${connections.map((connection) => ` ${formatConnection(connection, true)}\n`).join('')}\n`;
}
/** dirs */
export function formatDirectorySizes(dataDirBytes, logDirBytes) {
    return `datadir_size: ${dataDirBytes}\nlogdir_size: ${logDirBytes}\n`;
}
/** hash: zxids in hex, digests as signed decimals. */
export function formatDigests(entries) {
    const lines = entries.map(({ zxid, digest }) => {
        return `${BigInt.asUintN(64, zxid).toString(16)}: ${BigInt.asIntN(64, digest)}\n`;
    });
    return lines.join('');
}
/** conf */
export function formatConfiguration(status) {
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
/** mntr: version and state, then the metrics in the order given. */
export function formatMonitor(status, metrics) {
    const lines = metrics.map(({ name, value, kind }) => {
        return `zk_${name}\t${kind === 'decimal' ? javaDouble(Number(value)) : value}\n`;
    });
    const head = `zk_version\t${status.version}, built on ${status.built}\nzk_server_state\t${status.mode}\n`;
    return head + lines.join('');
}
/** Apache's gauges, under Apache's names, then those of the replica. */
export function serverMetrics(status, gauges) {
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
        integer('local_sessions', 0),
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
function integer(name, value) {
    return { name, value, kind: 'integer' };
}
function decimal(name, value) {
    return { name, value, kind: 'decimal' };
}
function versionLine(status) {
    const line = `Zookeeper version: ${status.version}, built on ${status.built}\n`;
    return status.mode === 'read-only' ? `${line}READ-ONLY mode; serving only read-only clients\n` : line;
}
function serverLines(status) {
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
function formatConnection(connection, isFull) {
    const { address, port, interestOps, queued, received, sent, session } = connection;
    const host = address.includes(':') ? `[${address}]` : address;
    const counts = `queued=${queued},recved=${received},sent=${sent}`;
    const rest = isFull && session !== undefined ? formatSession(session) : '';
    return `/${host}:${port}[${interestOps.toString(16)}](${counts}${rest})`;
}
function formatSession(session) {
    const cxid = session.lastCxid >= 0 ? `,lcxid=0x${session.lastCxid.toString(16)}` : '';
    return [
        `,sid=${hex(session.id)},lop=${session.lastOperation},est=${session.establishedMs},to=${session.timeoutMs}`,
        `${cxid},lzxid=${hex(session.lastZxid)},lresp=${session.lastResponseMs},llat=${session.lastLatencyMs}`,
        `,minlat=${session.minLatencyMs},avglat=${Math.trunc(session.averageLatencyMs)},maxlat=${session.maxLatencyMs}`,
    ].join('');
}
/** As java.lang.Long.toHexString: negative numbers by their 64 bits. */
function hex(value) {
    return `0x${BigInt.asUintN(64, value).toString(16)}`;
}
/** A number as java.lang.Double.toString prints it, rounded to four places as Apache's averages are. */
export function javaDouble(value) {
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
