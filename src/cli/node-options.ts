/**
 * Node's options for a server's process, which bin/zkServer.sh and package.json give, too: a small young generation for
 * main, as its other threads have (early-threads.ts).
 */
export const SERVER_NODE_OPTIONS: readonly string[] = ['--max-semi-space-size=2'];
