/** What happened to a znode, or (`None`) to the session; the `…Removed` types tell that a watch was taken away. */
export type WatchEventType =
  | 'None'
  | 'NodeCreated'
  | 'NodeDeleted'
  | 'NodeDataChanged'
  | 'NodeChildrenChanged'
  | 'DataWatchRemoved'
  | 'ChildWatchRemoved'
  | 'PersistentWatchRemoved';

/** The session's state as Apache's clients name it in events. */
export type KeeperState =
  | 'Disconnected'
  | 'SyncConnected'
  | 'AuthFailed'
  | 'ConnectedReadOnly'
  | 'Expired'
  | 'Closed';

/** A watch's event. */
export interface WatchEvent {
  readonly type: WatchEventType;
  readonly state: KeeperState;
  /** The client's path, without the chroot; empty for `None`. */
  readonly path: string;
  /** The zxid of the change, where the server tells it (3.9), else null. */
  readonly zxid: bigint | null;
}

/** Called with each event, before the reply of any request that shows the change. */
export type WatchListener = (event: WatchEvent) => void;

const typesByNumber = new Map<number, WatchEventType>([
  [-1, 'None'],
  [1, 'NodeCreated'],
  [2, 'NodeDeleted'],
  [3, 'NodeDataChanged'],
  [4, 'NodeChildrenChanged'],
  [5, 'DataWatchRemoved'],
  [6, 'ChildWatchRemoved'],
  [7, 'PersistentWatchRemoved'],
]);

/** The type for its number on the wire, or null for one that does not exist. */
export function watchEventType(type: number): WatchEventType | null {
  return typesByNumber.get(type) ?? null;
}

/**
 * Calls listeners, behind whoever awaits a reply that came before the event: what a program sees stands in the server's order.
 * A listener's mistake is the program's, not the connection's: it surfaces as an uncaught exception, as in an EventEmitter.
 */
export function tell(listeners: Iterable<WatchListener>, event: WatchEvent): void {
  for (const listener of listeners) queueMicrotask(() => listener(event));
}
