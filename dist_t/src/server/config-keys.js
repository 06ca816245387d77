const HARMLESS = { kind: 'harmless' };
function notBuilt(feature, ...off) {
    return { kind: 'notBuilt', feature, off };
}
function refused(feature, ...off) {
    return { kind: 'refused', feature, off };
}
const TLS = 'TLS is not built yet';
const SASL = 'SASL is not built yet';
const ADMIN = 'the admin server is not built yet';
/** Keys that Apache's parser takes itself (protocol/features.md §1): as a system property they have no effect. */
const parserRules = {
    secureClientPort: refused('TLS is not built yet, so there would be no secure port', '0'),
    secureClientPortAddress: notBuilt(TLS),
    initLimit: HARMLESS,
    syncLimit: HARMLESS,
    connectToLearnerMasterLimit: HARMLESS,
    electionAlg: refused('only 3 is supported', '3'),
    dynamicConfigFile: refused('ensembles are not built yet: a standalone server would serve different data'),
    peerType: notBuilt('ensembles are not built yet: runs standalone', 'participant'),
    observerMasterPort: HARMLESS,
    syncEnabled: HARMLESS,
    standaloneEnabled: notBuilt('ensembles are not built yet: runs standalone', 'true'),
    quorumListenOnAllIPs: HARMLESS,
    localSessionsEnabled: notBuilt('local sessions are not built yet: all sessions are global', 'false'),
    localSessionsUpgradingEnabled: HARMLESS,
    sslQuorum: refused('TLS between servers is not built yet', 'false'),
    portUnification: HARMLESS,
    sslQuorumReloadCertFiles: HARMLESS,
    'quorum.auth.*': HARMLESS,
    'quorum.cnxn.threads.size': HARMLESS,
    'multiAddress.*': HARMLESS,
    'metricsProvider.className': notBuilt('metrics over HTTP are not built yet: the word mntr gives them', 'org.apache.zookeeper.metrics.impl.defaultmetricsprovider', 'org.apache.zookeeper.metrics.impl.nullmetricsprovider'),
    'metricsProvider.*': HARMLESS,
    'jvm.pause.*': HARMLESS,
    oraclePath: HARMLESS,
};
/** Keys that are system properties `zookeeper.<key>` (protocol/features.md §2). */
const propertyRules = {
    commitLogCount: HARMLESS,
    snapshotSizeFactor: HARMLESS,
    forceSnapshotSync: HARMLESS,
    'request_*': HARMLESS,
    'connection_throttle_*': HARMLESS,
    emulate353TTLNodes: refused('the owner field of 3.5.3 TTL nodes would be misread', 'false'),
    enableEagerACLCheck: HARMLESS,
    maxResponseCacheSize: HARMLESS,
    maxGetChildrenResponseCacheSize: HARMLESS,
    intBufferStartingSizeBytes: HARMLESS,
    watchManagerName: HARMLESS,
    'watcherClean*': HARMLESS,
    maxInProcessingDeadWatchers: HARMLESS,
    bitHashCacheSize: HARMLESS,
    serverCnxnFactory: HARMLESS,
    'nio.*': HARMLESS,
    'netty.*': HARMLESS,
    'client.portUnification': notBuilt(TLS, 'false'),
    'client.certReload': HARMLESS,
    tcpKeepAlive: HARMLESS,
    'leader.*': HARMLESS,
    'follower.*': HARMLESS,
    'learner.*': HARMLESS,
    'observer.*': HARMLESS,
    'observerMaster.*': HARMLESS,
    'fastleader.*': HARMLESS,
    leaderServes: HARMLESS,
    electionPortBindRetry: HARMLESS,
    cnxTimeout: HARMLESS,
    quorumCnxnTimeoutMs: HARMLESS,
    'commitProcessor.*': HARMLESS,
    forward_learner_requests_to_commit_processor_disabled: HARMLESS,
    leaderConnectDelayDuringRetryMs: HARMLESS,
    'messageTracker.*': HARMLESS,
    'test.*': HARMLESS,
    'testingonly.*': HARMLESS,
    'authProvider.*': notBuilt('further authentication providers are not built yet: digest and ip are there'),
    'X509AuthenticationProvider.*': notBuilt(TLS),
    'IPAuthenticationProvider.*': HARMLESS,
    superUser: notBuilt(SASL),
    'superUser.*': notBuilt(SASL),
    'SASLAuthenticationProvider.*': notBuilt(SASL),
    letAnySaslUserDoX: notBuilt(SASL),
    sessionRequireClientSASLAuth: refused(`${SASL}, so clients could not be made to authenticate`, 'false'),
    'enforce.auth.enabled': refused('enforced authentication is not built yet, so anybody could connect', 'false'),
    'enforce.auth.schemes': HARMLESS,
    allowSaslFailedClients: HARMLESS,
    requireClientAuthScheme: notBuilt(SASL),
    jaasLoginRenew: HARMLESS,
    ensembleAuthName: notBuilt('the ensemble authentication scheme is not built yet'),
    'sasl.serverconfig': notBuilt(SASL),
    'sasl.client*': HARMLESS,
    'kerberos.*': HARMLESS,
    'security.auth_to_local': HARMLESS,
    'server.realm': HARMLESS,
    'server.principal': HARMLESS,
    kinit: HARMLESS,
    'fips-mode': HARMLESS,
    'ssl.*': notBuilt(TLS),
    'admin.enableServer': notBuilt(ADMIN, 'false'),
    'admin.*': notBuilt(ADMIN),
    'audit.enable': notBuilt('the audit log is not built yet: nothing is audited', 'false'),
    'audit.*': HARMLESS,
    'pathStats.enabled': notBuilt('path statistics are not built yet', 'false'),
    'pathStats.*': HARMLESS,
    controllerPort: notBuilt("the controller service of Apache's tests is not built"),
    // Java's logging and client side, which SERVER_JVMFLAGS often carries too.
    'jmx.*': HARMLESS,
    'log.*': HARMLESS,
    'tracelog.*': HARMLESS,
    'root.logger': HARMLESS,
    'console.threshold': HARMLESS,
    clientCnxnSocket: HARMLESS,
    'client.secure': HARMLESS,
    'request.timeout': HARMLESS,
    disableAutoWatchReset: HARMLESS,
};
/** System properties without the prefix `zookeeper.`. */
const systemRules = {
    'java.security.auth.login.config': notBuilt(SASL),
    'leader.nodelay': HARMLESS,
    'follower.nodelay': HARMLESS,
};
/** The rule for a line of zoo.cfg, or null for an unknown key. */
export function ruleOfLine(key) {
    return lookUp(parserRules, key) ?? lookUp(propertyRules, key) ?? lookUp(systemRules, key);
}
/** Whether a key is one that only zoo.cfg can set. */
export function isParserKey(key) {
    return lookUp(parserRules, key) !== null;
}
/** The rule for system property `zookeeper.<key>`, or null for an unknown one. */
export function ruleOfProperty(key) {
    return lookUp(propertyRules, key);
}
/** The rule for a system property without the prefix, or null for one that is none of ours. */
export function ruleOfSystemProperty(name) {
    return lookUp(systemRules, name);
}
/** The known key that `key` looks like a misspelling of, or null. `readKeys` are those that the configuration reads. */
export function similarKey(key, readKeys) {
    const all = [...readKeys, ...Object.keys(parserRules), ...Object.keys(propertyRules)];
    let best = null;
    let bestDistance = Math.min(3, key.length / 3);
    for (const known of all) {
        if (known.includes('*'))
            continue;
        const distance = editDistance(key.toLowerCase(), known.toLowerCase());
        if (distance < bestDistance) {
            best = known;
            bestDistance = distance;
        }
    }
    return best;
}
function lookUp(rules, key) {
    if (Object.hasOwn(rules, key) && !key.includes('*'))
        return rules[key];
    for (const [pattern, rule] of Object.entries(rules)) {
        if (pattern.endsWith('*') && key.startsWith(pattern.slice(0, -1)))
            return rule;
    }
    return null;
}
/** Levenshtein distance, with a swap of neighbours counted once. */
function editDistance(a, b) {
    let beforeLast = [];
    let last = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
        const row = [i];
        for (let j = 1; j <= b.length; j++) {
            const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
            row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
            const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
            if (isSwap)
                row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
        }
        beforeLast = last;
        last = row;
    }
    return last[b.length];
}
