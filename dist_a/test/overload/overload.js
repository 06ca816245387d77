import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { fourLetterWord } from '../support/four-letter-word.js';
import { delay, startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
const TICK_MS = 1000;
/** The least that the server allows: two ticks. */
const TIMEOUT_MS = 2 * TICK_MS;
const WARM_UP_MS = 1000;
const PATH = '/load';
const LARGE_PATH = '/large';
const LARGE_BYTES = 100_000;
class Load {
    #worker;
    #connections;
    constructor(options) {
        this.#connections = options.connections;
        this.#worker = new Worker(new URL('./load-generator.js', import.meta.url), { workerData: options });
    }
    async counts() {
        this.#worker.postMessage(null);
        const [counts] = (await once(this.#worker, 'message'));
        return counts;
    }
    async whenConnected() {
        for (const deadline = Date.now() + 30_000;; await delay(20)) {
            const { connected, closed } = await this.counts();
            if (connected === this.#connections)
                return;
            if (closed > 0 || Date.now() > deadline) {
                throw new Error(`${connected} of ${this.#connections} have a session, ${closed} are closed`);
            }
        }
    }
    /** Requests answered without an error, a second. */
    async measure(ms) {
        const startedMs = performance.now();
        const before = await this.counts();
        await delay(ms);
        const after = await this.counts();
        const seconds = (performance.now() - startedMs) / 1000;
        return Math.round((after.answered - after.errors - before.answered + before.errors) / seconds);
    }
    async stop() {
        await this.#worker.terminate();
    }
}
/** Sessions that do nothing but send heartbeats, as those of clients do that hold a lock. */
class IdleSessions {
    #clients;
    latenciesMs = [];
    #isStopped = false;
    #failure = null;
    #running;
    constructor(clients) {
        this.#clients = clients;
        this.#running = Promise.all(clients.map((client, i) => this.#beat(client, i)));
    }
    async #beat(client, place) {
        try {
            await delay((TIMEOUT_MS / 3 / this.#clients.length) * place);
            while (!this.#isStopped) {
                const startedMs = performance.now();
                await client.ping();
                this.latenciesMs.push(performance.now() - startedMs);
                await delay(TIMEOUT_MS / 3);
            }
        }
        catch (error) {
            this.#failure ??= error;
        }
    }
    /** Rejects when a session was lost on the way. */
    async stop() {
        this.#isStopped = true;
        await this.#running;
        if (this.#failure !== null)
            throw new Error(`an idle session was lost: ${this.#failure.message}`);
        for (const client of this.#clients)
            ok(await client.exists(PATH));
    }
}
/**
 * Asks far more of a server than it can do: first finds out what that is, then many connections send as much as their
 * sockets take, some never read in time, and idle sessions must go on living beside them. Throws when one does not.
 */
export async function runOverload(kind, options) {
    const progress = options.progress ?? (() => { });
    const server = await startMenagerie({ config: [`tickTime=${TICK_MS}`, ...(options.config ?? [])] });
    try {
        const clients = [];
        for (let i = 0; i < (options.idleSessions ?? 50); i++) {
            clients.push(await WireClient.connect({ port: server.port, timeoutMs: TIMEOUT_MS }));
        }
        ok(await clients[0].create(PATH, new Uint8Array(100)));
        ok(await clients[0].create(LARGE_PATH, new Uint8Array(LARGE_BYTES)));
        const idle = new IdleSessions(clients);
        const base = { port: server.port, kind, path: PATH, sessionTimeoutMs: TIMEOUT_MS };
        const peak = await findPeak(base, progress);
        // Those of the first part have ended without a word.
        const expiredBefore = await expiredWhenOpen(server, clients.length);
        const load = new Load({ ...base, connections: options.overloadConnections ?? 100, depth: 0 });
        const slow = new Load({ ...base, kind: 'slow', path: LARGE_PATH, connections: 5, depth: 0 });
        await Promise.all([load.whenConnected(), slow.whenConnected()]);
        idle.latenciesMs.length = 0;
        const watched = await watchOverload(server, load, options.seconds, progress);
        const lost = (await load.counts()).closed + (await slow.counts()).closed;
        const sessionsExpired = (await metric(server, 'stale_sessions_expired')) - expiredBefore;
        await Promise.all([load.stop(), slow.stop()]);
        await idle.stop();
        const sorted = idle.latenciesMs.sort((a, b) => a - b);
        return {
            kind,
            peak,
            ...watched,
            heartbeatMsMax: Math.round(sorted.at(-1) ?? 0),
            heartbeatMsMedian: Math.round(sorted[sorted.length >> 1] ?? 0),
            sessionsExpired,
            connectionsLost: lost,
        };
    }
    catch (error) {
        throw new Error(`${error.message}\n${server.output.slice(-4000)}`, { cause: error });
    }
    finally {
        await server.dispose();
    }
}
/** The most that a few sensible clients get out of the server. */
async function findPeak(base, progress) {
    let peak = 0;
    for (const [connections, depth] of [
        [8, 16],
        [32, 16],
    ]) {
        const load = new Load({ ...base, connections, depth });
        await load.whenConnected();
        await delay(WARM_UP_MS);
        const rate = await load.measure(2000);
        progress(`${base.kind}: ${connections} clients with ${depth} requests under way: ${rate}/s`);
        peak = Math.max(peak, rate);
        await load.stop();
    }
    return peak;
}
async function watchOverload(server, load, seconds, progress) {
    await delay(WARM_UP_MS);
    const rates = [];
    let newClientMsMax = 0;
    let residentMbMax = 0;
    for (let second = 1; second <= seconds; second++) {
        const [rate] = await Promise.all([
            load.measure(1000),
            newClientMs(server.port).then((ms) => {
                newClientMsMax = Math.max(newClientMsMax, Math.round(ms));
            }),
        ]);
        rates.push(rate);
        residentMbMax = Math.max(residentMbMax, await residentMb(server.pid));
        if (second % 5 === 0 || second === seconds) {
            progress(`second ${second} of ${seconds}: ${rate}/s, a new client waits ${newClientMsMax} ms at most`);
        }
    }
    const goodput = Math.round(rates.reduce((sum, rate) => sum + rate, 0) / rates.length);
    return { goodput, newClientMsMax, residentMbMax };
}
async function newClientMs(port) {
    const startedMs = performance.now();
    const client = await WireClient.connect({ port, timeoutMs: TIMEOUT_MS });
    ok(await client.exists(PATH));
    const tookMs = performance.now() - startedMs;
    await client.leave();
    return tookMs;
}
async function metric(server, name) {
    return Number(new RegExp(`^zk_${name}\t(\\d+)$`, 'm').exec(await fourLetterWord(server.port, 'mntr'))?.[1]);
}
/** Waits until only so many sessions are left, and gives how many had to expire for it. */
async function expiredWhenOpen(server, sessions) {
    for (const deadline = Date.now() + 20_000; (await metric(server, 'global_sessions')) > sessions; await delay(50)) {
        if (Date.now() > deadline)
            throw new Error('sessions of clients that are gone do not expire');
    }
    return await metric(server, 'stale_sessions_expired');
}
async function residentMb(pid) {
    const { readFile } = await import('node:fs/promises');
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
}
const HELP = `Asks far more of a server than it can do, and watches its sessions, its goodput and its memory.

  node dist/test/overload/overload.js [--seconds N] [--connections N] [--idle N] [--config LINE]

  --seconds N      of overload, half with writes and half with reads (60)
  --connections N  that send as much as their sockets take (100)
  --config LINE    a line for the zoo.cfg; may be repeated
  --idle N         sessions that only send heartbeats (50)
`;
async function main() {
    const { values } = parseArgs({
        options: {
            seconds: { type: 'string', default: '60' },
            connections: { type: 'string', default: '100' },
            idle: { type: 'string', default: '50' },
            config: { type: 'string', multiple: true, default: [] },
            help: { type: 'boolean', default: false },
        },
    });
    if (values.help) {
        process.stdout.write(HELP);
        return;
    }
    for (const kind of ['write', 'read']) {
        const report = await runOverload(kind, {
            seconds: Math.max(1, Math.round(Number(values.seconds) / 2)),
            overloadConnections: Number(values.connections),
            idleSessions: Number(values.idle),
            config: values.config,
            progress: (line) => console.log(line),
        });
        console.log(report);
    }
}
if (process.argv[1] === fileURLToPath(import.meta.url))
    await main();
