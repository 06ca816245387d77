import { LatencySummary } from '../connection/latency.js';
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
    snapshotTime = new LatencySummary();
    /** Tokens that the connection throttle lacked of its full bucket, at each ConnectRequest. */
    connectionTokenDeficit = new LatencySummary();
    /** Sets them all to 0. */
    reset() {
        this.proposals = 0;
        this.commits = 0;
        this.connectionRequests = 0;
        this.connectionsThrottled = 0;
        this.sessionsExpired = 0;
        this.snapshotErrors = 0;
        this.snapshotTime.reset();
        this.connectionTokenDeficit.reset();
    }
}
