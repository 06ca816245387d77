import { after, afterEach, before, describe } from 'node:test';
import {
  apacheMissing,
  type ServerOptions,
  type ServerProcess,
  startApache,
  startMenagerie,
} from './server-process.ts';
import { WireClient } from './wire-client.ts';
import type { ConnectOptions } from './wire-connection.ts';

/** What a conformance test may ask of the server that it runs on. */
export interface Subject {
  readonly server: ServerProcess;
  readonly port: number;
  /** A session on this server; its connection is closed after the test. */
  connect(options?: Omit<ConnectOptions, 'port'>): Promise<WireClient>;
  /** A TCP connection to this server without a session. */
  open(): Promise<WireClient>;
  /** A path that no other test uses; its parent is the root. */
  freshPath(): string;
  /**
   * What Apache 3.9 does, which is what Menagerie does, beside what the Apache 3.8 does that these tests are held
   * against. Marks every place where the two differ.
   */
  since39<T>(expected: T, on38: T): T;
}

/**
 * Declares the same tests against Menagerie and, with `MENAGERIE_TEST_APACHE=1` in the environment, against a real
 * Apache ZooKeeper too (`only`: against nothing else), which shows that the expectations are ZooKeeper's. One server
 * serves all tests of a file.
 */
export function conformance(
  theme: string,
  options: ServerOptions,
  declare: (subject: Subject) => void,
): void {
  const wanted = process.env.MENAGERIE_TEST_APACHE ?? '0';
  if (wanted !== 'only') {
    describe(`${theme} (Menagerie)`, { timeout: 300_000 }, () => declareOn(startMenagerie, options, declare));
  }
  if (wanted !== '0') {
    const skip = apacheMissing() ?? false;
    describe(`${theme} (Apache)`, { timeout: 300_000, skip }, () => declareOn(startApache, options, declare));
  }
}

let pathsGiven = 0;

function declareOn(
  start: (options: ServerOptions) => Promise<ServerProcess>,
  options: ServerOptions,
  declare: (subject: Subject) => void,
): void {
  let server: ServerProcess | null = null;
  let clients: WireClient[] = [];
  const current = () => {
    if (server === null)
      throw new Error('the server is started before the tests, not while they are declared');
    return server;
  };
  before(async () => {
    server = await start(options);
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.leave()));
    clients = [];
    if (!current().isRunning) throw new Error(`the server has ended:\n${current().output}`);
  });
  declare({
    get server() {
      return current();
    },
    get port() {
      return current().port;
    },
    async connect(connectOptions = {}) {
      const client = await this.open();
      await client.establish(connectOptions);
      return client;
    },
    async open() {
      const client = await WireClient.open(current().port);
      clients.push(client);
      return client;
    },
    freshPath() {
      pathsGiven += 1;
      return `/t${pathsGiven}`;
    },
    since39: (expected, on38) => (current().kind === 'apache' ? on38 : expected),
  });
  // Behind those of the tests, which may still need the server.
  after(async () => await server?.dispose());
}
