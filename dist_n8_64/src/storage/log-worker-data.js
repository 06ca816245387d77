/** Places of the log worker among the consumers of the `log` ring, and of main, which applies from there. */
export const LogConsumer = { writer: 0, apply: 1 };
/** Words through which main speaks to the log worker, which has no event loop to receive messages. */
export const LogControl = { stop: 0, bytes: 64 };
/** What the log worker tells of itself. */
export const LogStatistic = { syncs: 0, syncMsSum: 1, syncMsMax: 2, bytesWritten: 3, bytes: 64 };
