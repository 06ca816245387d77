import fs from 'node:fs';
function readOrEmpty(path) {
    try {
        return fs.readFileSync(path, 'utf8');
    }
    catch {
        return '';
    }
}
function bootId() {
    return readOrEmpty('/proc/sys/kernel/random/boot_id').trim();
}
/** Field 22 of /proc/<pid>/stat; the name in field 2 may hold spaces and brackets, so count from its end. */
function startedTicks(pid) {
    const stat = readOrEmpty(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
export function ownIdentity() {
    return { pid: process.pid, started: startedTicks(process.pid), boot: bootId() };
}
/** Whether that very process still runs, as far as the system tells; a doubt counts as running. */
export function isRunning(identity) {
    if (identity.boot !== '' && identity.boot !== bootId())
        return false;
    try {
        process.kill(identity.pid, 0);
    }
    catch (error) {
        return error.code === 'EPERM';
    }
    const started = startedTicks(identity.pid);
    return started === '' || identity.started === '' || started === identity.started;
}
