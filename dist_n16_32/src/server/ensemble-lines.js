const SERVER_KEY = /^server\.(\d+)$/;
/**
 * Reads the `server.N`, `group.N` and `weight.N` lines. As in Apache (QuorumPeerConfig.parseDynamicConfig) a single
 * server line means a standalone server, whose client port it may give; more servers are an ensemble, which is refused
 * with a ConfigError for now, since a standalone server in its place would let the members' data part.
 */
export function readServerLines(settings) {
    settings.matching(/^(group|weight)\./);
    for (const line of settings.matching(/^server\./)) {
        if (!SERVER_KEY.test(line.key))
            throw settings.error(line, 'the key must be server.N with N a number');
    }
    const lines = settings.matching(SERVER_KEY);
    if (lines.length === 0)
        return null;
    const [first] = lines;
    if (lines.length > 1) {
        const names = lines.map(({ key }) => key).join(', ');
        throw settings.error(first, `ensembles are not built yet (${names}): leave one server line or none to run standalone`);
    }
    if (/:observer(;|$)/i.test(first.value)) {
        throw settings.error(first, 'an observer without participants is an invalid configuration');
    }
    settings.warn(first, 'only one server: runs standalone');
    return clientPortOf(settings, first);
}
/** The part after the `;` of `host:port:port[:role];[address:]port`. */
function clientPortOf(settings, line) {
    const semicolon = line.value.indexOf(';');
    if (semicolon < 0)
        return null;
    const client = line.value.slice(semicolon + 1).trim();
    const match = /^(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5})$/.exec(client);
    if (match === null || Number(match[2]) > 65_535) {
        throw settings.error(line, 'after the ; must stand [address:]clientPort');
    }
    const address = match[1]?.replace(/^\[|\]$/g, '') ?? null;
    return { setting: line, port: Number(match[2]), address };
}
