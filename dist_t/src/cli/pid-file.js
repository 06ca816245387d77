import { existsSync, readFileSync } from 'node:fs';
/** What runs under a pid of ours: this server, or Apache's on the same dataDir. */
const SERVER_COMMAND = /zk-server|org\.apache\.zookeeper/;
/**
 * The process that a pid file names, or null when it names none that runs. Pids are used again: one that belongs to some
 * other program counts as gone, so that stop never ends a stranger. So does a zombie.
 */
export function readPidFile(file) {
    let text;
    try {
        text = readFileSync(file, 'latin1').trim();
    }
    catch {
        return null;
    }
    const pid = Number(text);
    return /^\d+$/.test(text) && pid > 0 && isServer(pid) ? pid : null;
}
function isServer(pid) {
    try {
        process.kill(pid, 0);
    }
    catch (error) {
        if (error.code !== 'EPERM')
            return false;
    }
    if (!existsSync('/proc/self/cmdline'))
        return true;
    try {
        return SERVER_COMMAND.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
    }
    catch {
        return false;
    }
}
