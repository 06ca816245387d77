import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync, } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readPidFile } from './pid-file.js';
/** How long stop waits for the process to end. */
const STOP_PATIENCE_MS = 20_000;
/** Apache's file for the output: one per user and machine, in ZOO_LOG_DIR. */
export function outputFile(logDirectory) {
    const user = process.env.USER ?? userInfo().username;
    return join(logDirectory, `zookeeper-${user}-server-${hostname()}.out`);
}
/**
 * Starts `command` in the background and gives the exit code: 0 once it serves, 1 when it runs already or ended before it
 * served, and then says why. Prints what Apache's zkServer.sh prints.
 */
export async function start(command, options) {
    const { pidFile, outFile } = options;
    process.stdout.write('Starting zookeeper ... ');
    const running = readPidFile(pidFile);
    if (running !== null)
        return failed(`already running as process ${running}.`);
    if (!options.mayCreateDirectories && !existsSync(dirname(pidFile))) {
        return failed(`ZooKeeper data directory is missing at ${dirname(pidFile)} fix the path or run initialize`);
    }
    let pidFd;
    let outFd;
    try {
        mkdirSync(dirname(pidFile), { recursive: true });
        rmSync(pidFile, { force: true });
        pidFd = openSync(pidFile, 'wx');
        mkdirSync(dirname(outFile), { recursive: true });
        // What the server said before a crash stays readable after the next start.
        if (existsSync(outFile))
            renameSync(outFile, `${outFile}.1`);
        outFd = openSync(outFile, 'w');
    }
    catch (error) {
        return failed(`FAILED TO START\n${error.message}`);
    }
    const report = await launch(command, pidFd, outFd);
    if (report.started) {
        process.stdout.write('STARTED\n');
        return 0;
    }
    rmSync(pidFile, { force: true });
    return failed(`FAILED TO START\n${report.reason || lastLines(outFile)}\n(output: ${outFile})`);
}
/** Spawns the server, notes its pid and waits until it says how its start went, or ends. */
async function launch(command, pidFd, outFd) {
    const [program, ...args] = command;
    const child = spawn(program, args, { detached: true, stdio: ['ignore', outFd, outFd, 'ipc'] });
    closeSync(outFd);
    writeSync(pidFd, String(child.pid ?? ''));
    closeSync(pidFd);
    const report = await new Promise((resolve) => {
        child.once('message', (message) => resolve(message));
        child.once('error', (error) => resolve({ started: false, reason: error.message }));
        child.once('exit', () => resolve({ started: false, reason: '' }));
    });
    if (child.connected)
        child.disconnect();
    child.unref();
    return report;
}
/** Ends the server that the pid file names and gives the exit code: 0 also when there is none, as Apache's. */
export async function stop({ pidFile }) {
    process.stdout.write('Stopping zookeeper ... ');
    if (!existsSync(pidFile)) {
        process.stdout.write(`no zookeeper to stop (could not find file ${pidFile})\n`);
        return 0;
    }
    const pid = readPidFile(pidFile);
    if (pid === null) {
        rmSync(pidFile, { force: true });
        process.stdout.write(`no zookeeper to stop (the process that ${pidFile} names does not run)\n`);
        return 0;
    }
    try {
        process.kill(pid, 'SIGTERM');
    }
    catch (error) {
        return failed(`cannot stop process ${pid}: ${error.message}`);
    }
    const deadline = Date.now() + STOP_PATIENCE_MS;
    while (readPidFile(pidFile) === pid) {
        if (Date.now() > deadline)
            return failed(`process ${pid} still runs after ${STOP_PATIENCE_MS / 1000} s`);
        await delay(20);
    }
    rmSync(pidFile, { force: true });
    process.stdout.write('STOPPED\n');
    return 0;
}
function failed(message) {
    process.stdout.write(`${message}\n`);
    return 1;
}
function lastLines(file) {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
}
