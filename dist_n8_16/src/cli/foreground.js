import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../server/config.js';
import { createLogger } from '../server/logging.js';
import { readServerVersion, ZOOKEEPER_VERSION } from '../server/version.js';
import { DataDirectoryError } from '../storage/data-directory-error.js';
/** SIGTERM and SIGINT end the process within 2 s; what is left of them after this is for the exit itself. */
const STOP_MS_MAX = 1900;
/**
 * Runs a server until it ends and gives the process's exit code. Says on stdout where it listens and where its data is;
 * a start that fails is one line on stderr. `report` hears how the start went. Throws ConfigError.
 */
export async function runForeground(configFile, systemProperties, startServer, report) {
    const { config, warnings } = readConfig(configFile, systemProperties, {
        cores: availableParallelism(),
        memoryBytes: totalmem(),
        workingDirectory: process.cwd(),
    });
    const logger = createLogger({ thread: 'main', format: config.logFormat, level: config.logLevel });
    endOnUncaught(logger);
    for (const warning of warnings)
        logger.warn(warning);
    const { own } = readServerVersion();
    logger.info(`Menagerie ${own}, speaks as ZooKeeper ${ZOOKEEPER_VERSION}, Node ${process.version}, pid ${process.pid}, config ${config.configFile}`);
    const stopper = new SignalStopper(logger);
    let server;
    try {
        server = await startServer(config, logger);
    }
    catch (error) {
        const reason = `cannot start: ${error.message}`;
        process.stderr.write(`${reason}\n`);
        await report({ started: false, reason });
        return exitCodeOf(error);
    }
    stopper.serverStarted(server);
    if (!stopper.isStopping)
        sayWhere(config, server, logger);
    await report({ started: true });
    const { code, reason } = await server.stopped;
    if (code === 0)
        logger.info(`stopped: ${reason}`);
    else
        logger.fatal(`ended: ${reason}`);
    return code;
}
function sayWhere(config, server, logger) {
    const address = config.clientPortAddress ?? 'all addresses';
    logger.info(`serves clients on port ${server.clientPort} (${address})`);
    const logs = config.dataLogDir === config.dataDir
        ? ''
        : `, transaction logs in ${join(config.dataLogDir, 'version-2')}`;
    logger.info(`data in ${join(config.dataDir, 'version-2')}${logs}`);
    const host = config.clientPortAddress ?? 'localhost';
    logger.info(`connect any ZooKeeper client to ${host.includes(':') ? `[${host}]` : host}:${server.clientPort}`);
}
/**
 * SIGTERM, SIGINT or SIGHUP stops the server, also one that is still starting, with a hard limit; a second signal ends the
 * process at once.
 */
class SignalStopper {
    #logger;
    #server = null;
    #signal = null;
    constructor(logger) {
        this.#logger = logger;
        for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
            process.on(signal, () => this.#receive(signal));
    }
    get isStopping() {
        return this.#signal !== null;
    }
    serverStarted(server) {
        this.#server = server;
        this.#stop();
    }
    #receive(signal) {
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
    #stop() {
        if (this.#server === null || this.#signal === null)
            return;
        this.#server.stop(this.#signal).catch((error) => {
            this.#logger.error(`stopping failed: ${error.message}`);
        });
    }
}
/** What nobody foresaw ends the process, in the log with its stack: going on would be guessing. */
function endOnUncaught(logger) {
    process.on('uncaughtException', (error) => {
        logger.fatal({ err: error }, `unexpected error, the server ends: ${error.message}`);
        process.exit(1);
    });
}
/** Apache's exit codes (protocol/features.md §7). */
function exitCodeOf(error) {
    const { exitCode } = error;
    if (typeof exitCode === 'number')
        return exitCode;
    return error instanceof DataDirectoryError ? 3 : 1;
}
