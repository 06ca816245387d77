import { LatencySummary } from '../connection/latency.ts';

/** Of the namespaces that come later nothing is counted: who makes and deletes quotas for ever is not given memory for ever. */
const NAMESPACES_MAX = 10_000;

/** What main counts since the start or since srst. */
export class MainCounters {
  /** Requests that became proposals. */
  proposals = 0;
  /** Txns applied. */
  commits = 0;
  /** ConnectRequests, for a new session or an old one. */
  connectionRequests = 0;
  /** Of those, refused by the connection throttle. */
  connectionsThrottled = 0;
  /** Sessions that ended because nothing was heard of them. */
  sessionsExpired = 0;
  snapshotErrors = 0;
  /** Txns behind which the tree's digest was not the one that the leader had said. */
  digestMismatches = 0;
  readonly snapshotTime = new LatencySummary();
  /** Tokens that the connection throttle lacked of its full bucket, at each ConnectRequest. */
  readonly connectionTokenDeficit = new LatencySummary();

  /** Requests that a hard quota refused, by the first name of their paths. */
  readonly quotaExceededByNamespace = new Map<string, number>();

  quotaExceeded(namespace: string): void {
    const isKnown = this.quotaExceededByNamespace.has(namespace);
    if (!isKnown && this.quotaExceededByNamespace.size === NAMESPACES_MAX) return;
    this.quotaExceededByNamespace.set(namespace, (this.quotaExceededByNamespace.get(namespace) ?? 0) + 1);
  }

  /** Sets them all to 0. */
  reset(): void {
    this.proposals = 0;
    this.commits = 0;
    this.connectionRequests = 0;
    this.connectionsThrottled = 0;
    this.sessionsExpired = 0;
    this.snapshotErrors = 0;
    this.digestMismatches = 0;
    for (const name of this.quotaExceededByNamespace.keys()) this.quotaExceededByNamespace.set(name, 0);
    this.snapshotTime.reset();
    this.connectionTokenDeficit.reset();
  }
}
