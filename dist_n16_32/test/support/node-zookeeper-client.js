import { createRequire } from 'node:module';
/** The module, or why it cannot be loaded. */
export function loadNodeZooKeeperClient() {
    try {
        return createRequire(import.meta.url)('node-zookeeper-client');
    }
    catch (error) {
        return `npm package node-zookeeper-client is not installed: ${error.message}`;
    }
}
/** Calls a function that ends in a Node callback and gives a promise of its first value. */
export function called(call) {
    return new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));
}
