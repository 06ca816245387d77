import * as os from 'node:os';
import { dirname } from 'node:path';
import { getHeapStatistics } from 'node:v8';
const MB = 1024 * 1024;
/** os.arch as Java names it. */
const javaArchitectures = new Map([
    ['x64', 'amd64'],
    ['arm64', 'aarch64'],
]);
/**
 * envi: Apache's keys. Those of the Java machine say what stands in its place here, Node.js; the os.memory lines speak
 * of the JavaScript heap of main as they do of Java's there.
 */
export function formatEnvironment(version) {
    const heap = getHeapStatistics();
    const megabytes = (bytes) => `${Math.floor(bytes / MB)}MB`;
    const user = userFacts();
    const lines = [
        `zookeeper.version=${version.full}, built on ${version.built}`,
        `host.name=${os.hostname()}`,
        `java.version=Node.js ${process.versions.node}`,
        'java.vendor=Node.js',
        `java.home=${dirname(dirname(process.execPath))}`,
        `java.class.path=${process.argv[1] ?? ''}`,
        'java.library.path=',
        `java.io.tmpdir=${os.tmpdir()}`,
        'java.compiler=<NA>',
        `os.name=${os.type()}`,
        `os.arch=${javaArchitectures.get(process.arch) ?? process.arch}`,
        `os.version=${os.release()}`,
        `user.name=${user.name}`,
        `user.home=${user.home}`,
        `user.dir=${process.cwd()}`,
        `os.memory.free=${megabytes(heap.total_heap_size - heap.used_heap_size)}`,
        `os.memory.max=${megabytes(heap.heap_size_limit)}`,
        `os.memory.total=${megabytes(heap.total_heap_size)}`,
    ];
    return `Environment:\n${lines.join('\n')}\n`;
}
/** A user without an entry in the system's list has no name. */
function userFacts() {
    try {
        const { username, homedir } = os.userInfo();
        return { name: username, home: homedir };
    }
    catch {
        return { name: '?', home: os.homedir() };
    }
}
