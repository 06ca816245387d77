import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVER_NODE_OPTIONS } from '../../src/cli/node-options.ts';
import { classPathOf, missingForApache } from './apache-jars.ts';
import { fourLetterWord } from './four-letter-word.ts';

/** How long a server may take until it serves, or to end. */
const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 20_000;

const APACHE_JARS = ['zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-log4j12', 'log4j-1.2', 'commons-cli'];
const APACHE_SERVER_JARS = [
  ...[
    'common',
    'buffer',
    'transport',
    'handler',
    'codec',
    'resolver',
    'transport-native-unix-common',
    'transport-native-epoll',
  ].map((name) => `netty-${name}`),
  ...['snappy-java', 'metrics-core', 'jackson-databind', 'jackson-core', 'jackson-annotations'],
];

export type ServerKind = 'menagerie' | 'apache';

export interface ServerOptions {
  /** Kept afterwards when given; else a directory of the test's own, removed by dispose. */
  dataDir?: string;
  /** Lines added to the zoo.cfg. */
  config?: readonly string[];
  env?: Readonly<Record<string, string>>;
  port?: number;
  /** For Apache's virtual machine, instead of a small heap that starts quickly. */
  javaOptions?: readonly string[];
}

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A free port below the range that outgoing connections draw from, so that it is still free at a restart. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A real server process on a directory of its own; it can be ended and started again on the same data. */
export class ServerProcess {
  readonly directory: string;
  readonly dataDir: string;
  readonly configFile: string;
  readonly port: number;
  readonly #javaOptions: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #kind: ServerKind;
  #child: ChildProcess | null = null;
  #exit: Promise<ExitStatus> = Promise.resolve({ code: null, signal: null });
  #output = '';

  private constructor(kind: ServerKind, directory: string, port: number, options: ServerOptions) {
    this.#kind = kind;
    this.directory = directory;
    this.port = port;
    this.dataDir = options.dataDir ?? join(directory, 'data');
    this.configFile = join(directory, 'zoo.cfg');
    this.#javaOptions = options.javaOptions ?? SMALL_JAVA;
    this.#env = options.env ?? {};
  }

  /** Lays out a directory and a zoo.cfg, and starts nothing. */
  static async prepare(kind: ServerKind, options: ServerOptions = {}): Promise<ServerProcess> {
    const directory = await mkdtemp(join(tmpdir(), `menagerie-test-${kind}-`));
    const port = options.port ?? (await freePort());
    const configFile = join(directory, 'zoo.cfg');
    const server = new ServerProcess(kind, directory, port, options);
    await mkdir(server.dataDir, { recursive: true });
    const lines = [
      ...['tickTime=2000', `dataDir=${server.dataDir}`, `clientPort=${port}`, 'clientPortAddress=127.0.0.1'],
      ...['maxClientCnxns=0', 'admin.enableServer=false', '4lw.commands.whitelist=*'],
      ...(options.config ?? []),
    ];
    // Of two lines with the same key the last one counts, as java.util.Properties has it.
    await writeFile(configFile, `${lines.join('\n')}\n`);
    const log4j = [
      ...['log4j.rootLogger=INFO, C', 'log4j.appender.C=org.apache.log4j.ConsoleAppender'],
      ...[
        'log4j.appender.C.layout=org.apache.log4j.PatternLayout',
        'log4j.appender.C.layout.ConversionPattern=%p %m%n',
      ],
    ];
    await writeFile(join(directory, 'log4j.properties'), `${log4j.join('\n')}\n`);
    return server;
  }

  get kind(): ServerKind {
    return this.#kind;
  }

  /** From the next start on it is this server, on the same data with the same zoo.cfg; the process must have ended. */
  exchange(kind: ServerKind): void {
    if (this.isRunning) throw new Error(`the ${this.kind} process still runs`);
    this.#kind = kind;
  }

  /** All that the process wrote to stdout and stderr so far, over restarts. */
  get output(): string {
    return this.#output;
  }

  /** How the process ended, or will end. */
  get exit(): Promise<ExitStatus> {
    return this.#exit;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server is not running');
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Starts the process and does not wait until it serves. */
  launch(env: Readonly<Record<string, string>> = {}): void {
    const [program, ...args] =
      this.kind === 'menagerie'
        ? menagerieCommand(this.configFile)
        : apacheCommand(this.directory, this.configFile, this.#javaOptions);
    const child = spawn(program, args, {
      cwd: this.directory,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...this.#env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    const collect = (chunk: Buffer) => {
      this.#output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    this.#exit = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#output += `\ncannot start ${program}: ${error.message}\n`;
      });
      child.once('close', (code, signal) => {
        running.delete(child);
        if (this.#child === child) this.#child = null;
        resolve({ code, signal });
      });
    });
  }

  /** Starts the process and waits until it serves; rejects, with its output, when it ends instead. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.launch(env);
    const deadline = Date.now() + START_PATIENCE_MS;
    for (;;) {
      if (await serves(this.port)) return;
      if (!this.isRunning) throw new Error(`${this.kind} ended before it served:\n${this.#output}`);
      if (Date.now() > deadline) throw new Error(`${this.kind} does not serve:\n${this.#output}`);
      await delay(20);
    }
  }

  /** Starts the process and waits until it has ended, as one does that refuses to start. */
  async runToExit(env: Readonly<Record<string, string>> = {}): Promise<ExitStatus> {
    this.launch(env);
    return await this.#endsWithin(START_PATIENCE_MS);
  }

  /** kill -9. */
  async kill9(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exit;
  }

  /** SIGTERM; rejects when the process does not end. */
  async stop(): Promise<ExitStatus> {
    this.#child?.kill('SIGTERM');
    return await this.#endsWithin(STOP_PATIENCE_MS);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends the process whatever it does and removes the test's directory. */
  async dispose(): Promise<void> {
    await this.kill9();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #endsWithin(ms: number): Promise<ExitStatus> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.kind} still runs after ${ms} ms:\n${this.#output}`)),
        ms,
      );
    });
    return await Promise.race([this.#exit, late]).finally(() => clearTimeout(timer));
  }
}

/** Starts Menagerie, as built beside this file, standalone on a free port; it serves when this resolves. */
export async function startMenagerie(options: ServerOptions = {}): Promise<ServerProcess> {
  return await started('menagerie', options);
}

/** Starts Apache ZooKeeper standalone. Ask {@link apacheMissing} first. */
export async function startApache(options: ServerOptions = {}): Promise<ServerProcess> {
  return await started('apache', options);
}

async function started(kind: ServerKind, options: ServerOptions): Promise<ServerProcess> {
  const server = await ServerProcess.prepare(kind, options);
  try {
    await server.start();
  } catch (error) {
    await server.dispose();
    throw error;
  }
  return server;
}

/** Why Apache's classes cannot be used here, or null where they can. */
export function apacheMissing(): string | null {
  return missingForApache(APACHE_JARS);
}

/** Class path of Apache's command line client and server. */
export function apacheClassPath(): string {
  return classPathOf([...APACHE_JARS, ...APACHE_SERVER_JARS]);
}

function menagerieCommand(configFile: string): string[] {
  const entry = fileURLToPath(new URL('../../src/cli/zk-server.js', import.meta.url));
  return [process.execPath, ...SERVER_NODE_OPTIONS, entry, 'start-foreground', configFile];
}

const SMALL_JAVA = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

function apacheCommand(directory: string, configFile: string, javaOptions: readonly string[]): string[] {
  return [
    '/usr/bin/java',
    ...javaOptions,
    `-Dlog4j.configuration=file:${join(directory, 'log4j.properties')}`,
    ...['-cp', apacheClassPath(), 'org.apache.zookeeper.server.quorum.QuorumPeerMain', configFile],
  ];
}

async function serves(port: number): Promise<boolean> {
  try {
    return (await fourLetterWord(port, 'srvr', 1000)).includes('Mode: ');
  } catch {
    return false;
  }
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
