/**
 * What a key of Apache's means to this server, for the keys that readConfig does not read:
 * - `harmless`: it tunes or serves something that our server does not have or need; nothing is said.
 * - `notBuilt`: it asks for a feature that is not there yet; a warning says so and the server starts.
 * - `refused`: to start without the feature would be unsafe or wrong; the start ends with an error.
 * Values in `off` ask for nothing.
 */
export type KeyRule =
  | { readonly kind: 'harmless' }
  | { readonly kind: 'notBuilt' | 'refused'; readonly feature: string; readonly off: readonly string[] };

const HARMLESS: KeyRule = { kind: 'harmless' };

function notBuilt(feature: string, ...off: string[]): KeyRule {
  return { kind: 'notBuilt', feature, off };
}

function refused(feature: string, ...off: string[]): KeyRule {
  return { kind: 'refused', feature, off };
}

const TLS = 'TLS is not built yet';
const SASL = 'SASL is not built yet';
const ADMIN = 'the admin server is not built yet';

/** Keys that Apache's parser takes itself (protocol/features.md §1): as a system property they have no effect. */
const parserRules: Readonly<Record<string, KeyRule>> = {
  secureClientPort: refused('TLS is not built yet, so there would be no secure port', '0'),
  secureClientPortAddress: notBuilt(TLS),
  electionAlg: refused('only 3 is supported', '3'),
  dynamicConfigFile: refused('it is not read yet: its server lines belong into zoo.cfg itself'),
  observerMasterPort: notBuilt('observers cannot connect to followers yet: they go to the leader', '0'),
  sslQuorum: refused('TLS between servers is not built yet', 'false'),
  portUnification: HARMLESS,
  sslQuorumReloadCertFiles: HARMLESS,
  'quorum.auth.*': HARMLESS,
  'quorum.cnxn.threads.size': HARMLESS,
  'multiAddress.*': HARMLESS,
  'metricsProvider.className': notBuilt(
    'metrics over HTTP are not built yet: the word mntr gives them',
    'org.apache.zookeeper.metrics.impl.defaultmetricsprovider',
    'org.apache.zookeeper.metrics.impl.nullmetricsprovider',
  ),
  'metricsProvider.*': HARMLESS,
  'jvm.pause.*': HARMLESS,
  oraclePath: notBuilt('the oracle is not built yet: one of two servers alone does not serve'),
};

/** Keys that are system properties `zookeeper.<key>` (protocol/features.md §2). */
const propertyRules: Readonly<Record<string, KeyRule>> = {
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
  'leader.*': HARMLESS,
  'follower.*': HARMLESS,
  'learner.*': HARMLESS,
  'observer.*': HARMLESS,
  'observerMaster.*': HARMLESS,
  'commitProcessor.*': HARMLESS,
  forward_learner_requests_to_commit_processor_disabled: HARMLESS,
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
  'enforce.auth.enabled': refused(
    'enforced authentication is not built yet, so anybody could connect',
    'false',
  ),
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
const systemRules: Readonly<Record<string, KeyRule>> = {
  'java.security.auth.login.config': notBuilt(SASL),
};

/** The rule for a line of zoo.cfg, or null for an unknown key. */
export function ruleOfLine(key: string): KeyRule | null {
  return lookUp(parserRules, key) ?? lookUp(propertyRules, key) ?? lookUp(systemRules, key);
}

/** Whether a key is one that only zoo.cfg can set. */
export function isParserKey(key: string): boolean {
  return lookUp(parserRules, key) !== null;
}

/** The rule for system property `zookeeper.<key>`, or null for an unknown one. */
export function ruleOfProperty(key: string): KeyRule | null {
  return lookUp(propertyRules, key);
}

/** The rule for a system property without the prefix, or null for one that is none of ours. */
export function ruleOfSystemProperty(name: string): KeyRule | null {
  return lookUp(systemRules, name);
}

/** The known key that `key` looks like a misspelling of, or null. `readKeys` are those that the configuration reads. */
export function similarKey(key: string, readKeys: readonly string[]): string | null {
  const all = [...readKeys, ...Object.keys(parserRules), ...Object.keys(propertyRules)];
  let best: string | null = null;
  let bestDistance = Math.min(3, key.length / 3);
  for (const known of all) {
    if (known.includes('*')) continue;
    const distance = editDistance(key.toLowerCase(), known.toLowerCase());
    if (distance < bestDistance) {
      best = known;
      bestDistance = distance;
    }
  }
  return best;
}

function lookUp(rules: Readonly<Record<string, KeyRule>>, key: string): KeyRule | null {
  if (Object.hasOwn(rules, key) && !key.includes('*')) return rules[key];
  for (const [pattern, rule] of Object.entries(rules)) {
    if (pattern.endsWith('*') && key.startsWith(pattern.slice(0, -1))) return rule;
  }
  return null;
}

/** Levenshtein distance, with a swap of neighbours counted once. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
