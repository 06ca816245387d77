#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../server/config.js';
import { PropertiesError, parseProperties } from '../server/properties.js';
import { readServerVersion, ZOOKEEPER_VERSION } from '../server/version.js';
import { outputFile, start, stop } from './daemon.js';
import { runForeground } from './foreground.js';
import { status } from './status.js';
const program = new Command('zk-server')
    .description(`Menagerie, a server for ZooKeeper ${ZOOKEEPER_VERSION} clients`)
    .exitOverride();
command('start-foreground', 'run the server in this terminal until it is stopped (SIGTERM, SIGINT)', foreground);
command('start', 'run the server in the background; waits until it serves', startDaemon);
command('stop', 'stop the server that start has started', (file) => stop(filesOf(file)));
command('restart', 'stop and start', async (file, options) => {
    const code = await stop(filesOf(file));
    return code === 0 ? await startDaemon(file, options) : code;
});
command('status', 'ask the server of the configuration for its mode', (file) => status(read(file)));
command('print-cmd', 'print the command that start runs', printCommand);
program
    .command('version')
    .description('print the version')
    .action(() => {
    const { own, built } = readServerVersion();
    process.stdout.write(`Menagerie ${own} ${built}, compatible with Apache ZooKeeper, version ${ZOOKEEPER_VERSION}\n`);
});
function command(name, description, run) {
    program
        .command(name)
        .description(description)
        .argument('[zoo.cfg]', 'configuration file; a bare name is looked for in the configuration directory first')
        .option('--config <dir>', 'configuration directory (default: $ZOOCFGDIR, or conf)')
        .addOption(new Option('-D <name=value>', 'a system property, as in -Dzookeeper.snapCount=1000; may be repeated')
        .argParser(collectProperty)
        .default([], 'none'))
        .addOption(new Option('--notify-parent', 'report the start over IPC').hideHelp())
        .action(async (argument, options) => {
        const file = findConfig(argument, options.config);
        process.stderr.write(`Using config: ${file}\n`);
        try {
            process.exitCode = await run(file, options);
        }
        catch (error) {
            if (!(error instanceof ConfigError))
                throw error;
            process.stderr.write(`${error.message}\n`);
            process.exitCode = name === 'start-foreground' ? error.exitCode : 1;
        }
    });
}
function collectProperty(text, previous) {
    const equals = text.indexOf('=');
    if (equals === 0)
        throw new InvalidArgumentError('it must be name=value.');
    // As java does: -Dname alone sets the empty string.
    const property = equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    return [...previous, property];
}
/** The search of Apache's script: a bare name in the configuration directory, anything else as it is. */
function findConfig(argument, configDirectory) {
    const directory = configDirectory ?? (process.env.ZOOCFGDIR || join(packageRoot(), 'conf'));
    if (argument === undefined) {
        const name = process.env.ZOOCFG || 'zoo.cfg';
        return isAbsolute(name) ? name : join(directory, name);
    }
    if (isAbsolute(argument) || argument.includes('/'))
        return argument;
    const inDirectory = join(directory, argument);
    return existsSync(inDirectory) || !existsSync(argument) ? inDirectory : argument;
}
/** The directory with bin and conf: that of the next package.json upwards. */
function packageRoot() {
    let directory = dirname(fileURLToPath(import.meta.url));
    while (!existsSync(join(directory, 'package.json')) && dirname(directory) !== directory)
        directory = dirname(directory);
    return directory;
}
async function foreground(configFile, options) {
    const report = (message) => new Promise((done) => {
        if (options.notifyParent !== true || process.send === undefined)
            return done();
        // A parent that has gone meanwhile is no reason to stop.
        process.send(message, () => {
            if (process.connected)
                process.disconnect();
            done();
        });
    });
    try {
        // Only here: the other commands need not load the server.
        const { startServer } = await import('../server/server.js');
        return await runForeground(configFile, new Map(options.D), startServer, report);
    }
    catch (error) {
        if (error instanceof ConfigError)
            await report({ started: false, reason: error.message });
        throw error;
    }
}
function startDaemon(configFile, options) {
    return start(serverCommand(configFile, options, ['--notify-parent']), filesOf(configFile, options));
}
function serverCommand(configFile, options, more) {
    const properties = options.D.map(([name, value]) => `-D${name}=${value}`);
    const entry = fileURLToPath(import.meta.url);
    return [
        process.execPath,
        ...process.execArgv,
        entry,
        'start-foreground',
        ...more,
        ...properties,
        configFile,
    ];
}
function printCommand(configFile, options) {
    const words = serverCommand(configFile, options, []).map((word) => `"${word}"`);
    process.stdout.write(`${words.join(' ')} > "${filesOf(configFile).outFile}" 2>&1 < /dev/null\n`);
    return 0;
}
function filesOf(configFile, options) {
    const logDirectory = process.env.ZOO_LOG_DIR || join(packageRoot(), 'logs');
    const autocreate = new Map(options?.D).get('zookeeper.datadir.autocreate') ?? 'true';
    return {
        pidFile: process.env.ZOOPIDFILE || join(dataDirOf(configFile), 'zookeeper_server.pid'),
        outFile: outputFile(resolve(logDirectory)),
        mayCreateDirectories: autocreate.toLowerCase() !== 'false',
    };
}
function dataDirOf(configFile) {
    const dataDir = read(configFile)
        .findLast(({ key }) => key.trim() === 'dataDir')
        ?.value.trim();
    if (dataDir === undefined || dataDir === '')
        throw new ConfigError(`${configFile}: dataDir is missing`);
    return resolve(dataDir);
}
function read(configFile) {
    try {
        return parseProperties(readFileSync(configFile));
    }
    catch (error) {
        if (error instanceof PropertiesError)
            throw new ConfigError(`${configFile}:${error.line}: ${error.message}`);
        throw new ConfigError(`${configFile}: cannot be read: ${error.message}`);
    }
}
try {
    await program.parseAsync();
}
catch (error) {
    if (!(error instanceof CommanderError))
        throw error;
    // Commander has printed it. Help asked for is a success.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
}
// Whatever still holds the event loop (a connection, a timer) must not keep a command alive that has ended.
process.exit();
