import { after, afterEach, before, describe } from 'node:test';
import { type ClientOptions, ZooKeeper } from '../../src/client/index.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import {
  apacheMissing,
  delay,
  type ServerOptions,
  type ServerProcess,
  startApache,
  startMenagerie,
} from './server-process.ts';

/** What a test of the client may ask of the server that it runs on. */
export interface ClientSubject {
  readonly server: ServerProcess;
  readonly isApache: boolean;
  /** host:port */
  readonly address: string;
  /** A connected client; it is closed after the test. `chroot` as in `/app`. */
  connect(options?: ClientOptions & { chroot?: string; address?: string }): Promise<ZooKeeper>;
  /** A proxy in front of the server; it is closed after the test. */
  proxy(): Promise<CuttingProxy>;
  /** A znode of this test's own, removed by nobody. */
  freshPath(): string;
}

let pathsGiven = 0;

/** Declares the same tests against Menagerie and against Apache ZooKeeper 3.8, where Debian's package is installed. */
export function onBothServers(
  theme: string,
  options: ServerOptions,
  declare: (subject: ClientSubject) => void,
): void {
  describe(`${theme} (Menagerie)`, { timeout: 300_000 }, () => declareOn(startMenagerie, options, declare));
  const skip = apacheMissing() ?? false;
  describe(`${theme} (Apache)`, { timeout: 300_000, skip }, () => declareOn(startApache, options, declare));
}

function declareOn(
  start: (options: ServerOptions) => Promise<ServerProcess>,
  options: ServerOptions,
  declare: (subject: ClientSubject) => void,
): void {
  let server: ServerProcess | null = null;
  let clients: ZooKeeper[] = [];
  let proxies: CuttingProxy[] = [];
  const current = () => {
    if (server === null)
      throw new Error('the server is started before the tests, not while they are declared');
    return server;
  };
  before(async () => {
    server = await start(options);
  });
  afterEach(async () => {
    for (const proxy of proxies) proxy.pass();
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    clients = [];
    proxies = [];
    if (!current().isRunning) throw new Error(`the server has ended:\n${current().output}`);
  });
  declare({
    get server() {
      return current();
    },
    get isApache() {
      return current().kind === 'apache';
    },
    get address() {
      return `127.0.0.1:${current().port}`;
    },
    async connect({ chroot = '', address = `127.0.0.1:${current().port}`, ...rest } = {}) {
      const client = await ZooKeeper.connect(`${address}${chroot}`, rest);
      clients.push(client);
      return client;
    },
    async proxy() {
      const proxy = await CuttingProxy.start(current().port);
      proxies.push(proxy);
      return proxy;
    },
    freshPath() {
      pathsGiven += 1;
      return `/c${pathsGiven}-${process.pid}`;
    },
  });
  after(async () => await server?.dispose());
}

/** Waits until `holds` gives true; rejects, naming it, after `ms`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`after ${ms} ms not yet: ${what}`);
    await delay(5);
  }
}

/** Resolves with the event's first argument, when it comes. */
export function stateOf(client: ZooKeeper, state: ZooKeeper['state']): Promise<void> {
  if (client.state === state) return Promise.resolve();
  return new Promise((resolve) => {
    const onState = () => {
      if (client.state !== state) return;
      client.off('state', onState);
      resolve();
    };
    client.on('state', onState);
  });
}

/** Ends a client's session behind its back, by taking it up elsewhere and closing it there. */
export async function expire(client: ZooKeeper, address: string): Promise<void> {
  const session = { id: client.sessionId, password: client.sessionPassword };
  const other = await ZooKeeper.connect(address, { session, sessionTimeoutMs: client.sessionTimeoutMs });
  await other.close();
}

export function text(value: Uint8Array | null): string | null {
  return value === null ? null : Buffer.from(value).toString('utf8');
}

export function bytes(value: string): Uint8Array {
  return Buffer.from(value, 'utf8');
}
