import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
/** The Apache ZooKeeper release whose behaviour this server has. */
export const ZOOKEEPER_VERSION = '3.9.5';
/** Reads package.json: call it once at start. */
export function readServerVersion() {
    const module = fileURLToPath(import.meta.url);
    const own = ownVersion(dirname(module));
    const built = statSync(module).mtime.toISOString().slice(0, 16).replace('T', ' ');
    return { own, full: `${ZOOKEEPER_VERSION}-menagerie-${own}`, built: `${built} UTC` };
}
function ownVersion(directory) {
    const file = join(directory, 'package.json');
    if (existsSync(file))
        return JSON.parse(readFileSync(file, 'utf8')).version;
    const parent = dirname(directory);
    return parent === directory ? 'unknown' : ownVersion(parent);
}
