import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { readConfig, type ServerConfig } from '../server/config.ts';
import { createLogger, type Logger } from '../server/logging.ts';
import { readServerVersion, ZOOKEEPER_VERSION } from '../server/version.ts';
import { DataDirectoryError } from '../storage/data-directory-error.ts';

/** The server as the command line sees it (src/server/server.ts). */
export interface RunningServer {
  readonly clientPort: number;
  /** Settles when the server has ended, by itself or by {@link stop}; `code` is the process's exit code. */
  readonly stopped: Promise<{ code: number; reason: string }>;
  stop(reason: string): Promise<void>;
}

export type StartServer = (config: ServerConfig, logger: Logger) => Promise<RunningServer>;

/** How a start ended, for the command that waits for it. */
export type StartReport = { readonly started: true } | { readonly started: false; readonly reason: string };

/** SIGTERM and SIGINT end the process within 2 s; what is left of them after this is for the exit itself. */
const STOP_MS_MAX = 1900;

/**
 * Runs a server until it ends and gives the process's exit code. Says on stdout where it listens and where its data is;
 * a start that fails is one line on stderr. `report` hears how the start went. Throws ConfigError.
 */
export async function runForeground(
  configFile: string,
  systemProperties: ReadonlyMap<string, string>,
  startServer: StartServer,
  report: (report: StartReport) => Promise<void>,
): Promise<number> {
  const { config, warnings } = readConfig(configFile, systemProperties, {
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    workingDirectory: process.cwd(),
  });
  const logger = createLogger({ thread: 'main', format: config.logFormat, level: config.logLevel });
  endOnUncaught(logger);
  for (const warning of warnings) logger.warn(warning);
  const { own } = readServerVersion();
  logger.info(
    `Menagerie ${own}, speaks as ZooKeeper ${ZOOKEEPER_VERSION}, Node ${process.version}, pid ${process.pid}, config ${config.configFile}`,
  );

  const stopper = new SignalStopper(logger);
  let server: RunningServer;
  try {
    server = await startServer(config, logger);
  } catch (error) {
    const reason = `cannot start: ${(error as Error).message}`;
    process.stderr.write(`${reason}\n`);
    await report({ started: false, reason });
    return exitCodeOf(error);
  }
  stopper.serverStarted(server);
  if (!stopper.isStopping) sayWhere(config, server, logger);
  await report({ started: true });
  const { code, reason } = await server.stopped;
  if (code === 0) logger.info(`stopped: ${reason}`);
  else logger.fatal(`ended: ${reason}`);
  return code;
}

function sayWhere(config: ServerConfig, server: RunningServer, logger: Logger): void {
  const address = config.clientPortAddress ?? 'all addresses';
  const port = `${server.clientPort} (${address})`;
  // A member says so itself when there is a leader.
  if (config.ensemble === null) logger.info(`serves clients on port ${port}`);
  else logger.info(`client port ${port} is open: clients are served as soon as there is a leader`);
  const logs =
    config.dataLogDir === config.dataDir
      ? ''
      : `, transaction logs in ${join(config.dataLogDir, 'version-2')}`;
  logger.info(`data in ${join(config.dataDir, 'version-2')}${logs}`);
  const host = config.clientPortAddress ?? 'localhost';
  logger.info(
    `connect any ZooKeeper client to ${host.includes(':') ? `[${host}]` : host}:${server.clientPort}`,
  );
}

/**
 * SIGTERM, SIGINT or SIGHUP stops the server, also one that is still starting, with a hard limit; a second signal ends the
 * process at once.
 */
class SignalStopper {
  readonly #logger: Logger;
  #server: RunningServer | null = null;
  #signal: NodeJS.Signals | null = null;

  constructor(logger: Logger) {
    this.#logger = logger;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(signal, () => this.#receive(signal));
  }

  get isStopping(): boolean {
    return this.#signal !== null;
  }

  serverStarted(server: RunningServer): void {
    this.#server = server;
    this.#stop();
  }

  #receive(signal: NodeJS.Signals): void {
    if (this.#signal !== null) {
      this.#logger.error(`${signal} again: ends at once`);
      process.exit(1);
    }
    this.#signal = signal;
    this.#logger.info(`${signal}: stopping`);
    setTimeout(() => {
      this.#logger.error(`not stopped ${STOP_MS_MAX} ms after ${signal}: ends now`);
      process.exit(1);
    }, STOP_MS_MAX);
    this.#stop();
  }

  #stop(): void {
    if (this.#server === null || this.#signal === null) return;
    this.#server.stop(this.#signal).catch((error: unknown) => {
      this.#logger.error(`stopping failed: ${(error as Error).message}`);
    });
  }
}

/** What nobody foresaw ends the process, in the log with its stack: going on would be guessing. */
function endOnUncaught(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, `unexpected error, the server ends: ${error.message}`);
    process.exit(1);
  });
}

/** Apache's exit codes (protocol/features.md §7). */
function exitCodeOf(error: unknown): number {
  const { exitCode } = error as { exitCode?: unknown };
  if (typeof exitCode === 'number') return exitCode;
  return error instanceof DataDirectoryError ? 3 : 1;
}
