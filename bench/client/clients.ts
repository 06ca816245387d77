import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ZooKeeper } from '../../src/client/index.ts';
import { called, loadNodeZooKeeperClient } from '../../test/support/node-zookeeper-client.ts';

/** A client under measurement: the same few operations for each. */
export interface MeasuredClient {
  readonly name: string;
  getData(path: string): Promise<unknown>;
  setData(path: string, data: Buffer): Promise<unknown>;
  create(path: string, data: Buffer): Promise<unknown>;
  delete(path: string): Promise<unknown>;
  close(): Promise<void>;
}

export async function menagerie(address: string): Promise<MeasuredClient> {
  const zk = await ZooKeeper.connect(address);
  return {
    name: 'menagerie/client',
    getData: (path) => zk.getData(path),
    setData: (path, data) => zk.setData(path, data),
    create: (path, data) => zk.create(path, data),
    delete: (path) => zk.delete(path),
    close: () => zk.close(),
  };
}

export async function nodeZooKeeperClient(address: string): Promise<MeasuredClient | string> {
  const module = loadNodeZooKeeperClient();
  if (typeof module === 'string') return module;
  const client = module.createClient(address, { sessionTimeout: 30_000 });
  const connected = new Promise<void>((resolve) => client.once('connected', resolve));
  client.connect();
  await connected;
  return {
    name: 'npm node-zookeeper-client',
    getData: (path) => called<Buffer>((done) => client.getData(path, null, done)),
    setData: (path, data) => called((done) => client.setData(path, data, -1, done)),
    create: (path, data) => called<string>((done) => client.create(path, data, 0, done)),
    delete: (path) => called<void>((done) => client.remove(path, -1, done)),
    async close() {
      client.close();
    },
  };
}

/** As much of npm zookeeper's promise interface as is measured. */
interface NativeClient {
  init(config: object): void;
  once(event: string, listener: () => void): void;
  get(path: string, watch: boolean): Promise<unknown>;
  set(path: string, data: Buffer, version: number): Promise<unknown>;
  create(path: string, data: Buffer, flags: number): Promise<unknown>;
  delete_(path: string, version: number): Promise<unknown>;
  close(): void;
}

/** npm `zookeeper`, native code around the C client; `directory` is where it was installed. */
export async function nativeZooKeeper(address: string, directory: string): Promise<MeasuredClient | string> {
  let Client: new (config: object) => NativeClient;
  try {
    const module = createRequire(join(directory, 'package.json'))('zookeeper') as { Promise: typeof Client };
    Client = module.Promise;
  } catch (error) {
    return `npm package zookeeper cannot be loaded from ${directory}: ${(error as Error).message.split('\n', 1)[0]}`;
  }
  const config = { connect: address, timeout: 30_000, debug_level: 1, host_order_deterministic: false };
  const client = new Client(config);
  const connected = new Promise<void>((resolve) => client.once('connect', resolve));
  client.init(config);
  await connected;
  return {
    name: 'npm zookeeper (native)',
    getData: (path) => client.get(path, false),
    setData: (path, data) => client.set(path, data, -1),
    create: (path, data) => client.create(path, data, 0),
    delete: (path) => client.delete_(path, -1),
    async close() {
      client.close();
    },
  };
}
