// What `import … from 'menagerie/client'` gives.

export { type Acl, creatorAcl, digestId, openAcl, Permission, readAcl } from './acls.ts';
export type { CreateMode } from './create-mode.ts';
export * from './errors.ts';
export type { ReadResult, TransactionResult } from './multi.ts';
export type {
  AclAndStat,
  ChildrenAndStat,
  ClientIdentity,
  DataAndStat,
  PathAndStat,
  Reconfiguration,
} from './operations.ts';
export { pathProblem } from './paths.ts';
export { PersistentWatch } from './persistent-watch.ts';
export type { CallOptions } from './request.ts';
export type { SessionState } from './session-state.ts';
export type { Stat } from './stat.ts';
export { MultiRead, Transaction } from './transaction.ts';
export { type CachedNode, TreeCache, type TreeCacheEvents, type TreeCacheOptions } from './tree-cache.ts';
export type { KeeperState, WatchEvent, WatchEventType, WatchListener } from './watch-event.ts';
export type { RemovalKind, WatchMode } from './watch-registry.ts';
export {
  type ClientEventMap,
  type ClientOptions,
  type CreateOptions,
  type ReadOptions,
  type WatchOptions,
  ZooKeeper,
} from './zookeeper.ts';
