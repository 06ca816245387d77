import { createRequire } from 'node:module';

/** The part of npm's node-zookeeper-client that the tests use; the package brings no types. */
export interface NodeZooKeeperClient {
  once(event: 'connected' | 'disconnected', listener: () => void): void;
  connect(): void;
  close(): void;
  addAuthInfo(scheme: string, auth: Buffer): void;
  getSessionId(): Buffer;
  create(path: string, data: Buffer, mode: number, callback: Callback<string>): void;
  create(path: string, data: Buffer, acls: unknown[], mode: number, callback: Callback<string>): void;
  remove(path: string, version: number, callback: Callback<void>): void;
  removeRecursive(path: string, version: number, callback: Callback<void>): void;
  exists(
    path: string,
    watcher: ((event: WatchEvent) => void) | null,
    callback: Callback<NodeStat | null>,
  ): void;
  getData(path: string, watcher: ((event: WatchEvent) => void) | null, callback: DataCallback<Buffer>): void;
  setData(path: string, data: Buffer, version: number, callback: Callback<NodeStat>): void;
  getChildren(
    path: string,
    watcher: ((event: WatchEvent) => void) | null,
    callback: DataCallback<string[]>,
  ): void;
  getACL(
    path: string,
    callback: DataCallback<{ permission: number; id: { scheme: string; id: string } }[]>,
  ): void;
  setACL(path: string, acls: unknown[], version: number, callback: Callback<NodeStat>): void;
  mkdirp(path: string, callback: Callback<string>): void;
  transaction(): NodeTransaction;
}

export interface NodeTransaction {
  create(path: string, data?: Buffer): NodeTransaction;
  setData(path: string, data: Buffer, version?: number): NodeTransaction;
  check(path: string, version: number): NodeTransaction;
  remove(path: string, version?: number): NodeTransaction;
  commit(callback: (error: Error | null, results: unknown[]) => void): void;
}

export interface NodeStat {
  version: number;
  cversion: number;
  aversion: number;
  numChildren: number;
  dataLength: number;
}

export interface WatchEvent {
  getType(): number;
  getName(): string;
  getPath(): string;
}

type Callback<T> = (error: Error | null, value: T) => void;
type DataCallback<T> = (error: Error | null, value: T, stat: NodeStat) => void;

interface Module {
  createClient(servers: string, options?: { sessionTimeout?: number }): NodeZooKeeperClient;
  CreateMode: Record<'PERSISTENT' | 'EPHEMERAL' | 'PERSISTENT_SEQUENTIAL' | 'EPHEMERAL_SEQUENTIAL', number>;
  ACL: { new (permission: number, id: unknown): unknown; OPEN_ACL_UNSAFE: unknown[] };
  Id: new (scheme: string, id: string) => unknown;
  Permission: Record<'ALL' | 'READ', number>;
}

/** The module, or why it cannot be loaded. */
export function loadNodeZooKeeperClient(): Module | string {
  try {
    return createRequire(import.meta.url)('node-zookeeper-client') as Module;
  } catch (error) {
    return `npm package node-zookeeper-client is not installed: ${(error as Error).message}`;
  }
}

/** Calls a function that ends in a Node callback and gives a promise of its first value. */
export function called<T>(call: (callback: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));
}
