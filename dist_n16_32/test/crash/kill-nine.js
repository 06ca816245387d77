import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { random } from '../support/random.js';
import { delay, ServerProcess } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
import { Flag } from '../support/wire-records.js';
import { OwnSubtree } from './own-subtree.js';
const TICK_MS = 500;
const WRITER_TIMEOUT_MS = 20 * TICK_MS;
const MORTAL_TIMEOUT_MS = 2 * TICK_MS;
/**
 * Kills a real server again and again, at random moments of writing, and starts it on the same data. After each start
 * every acknowledged write is there, the zxids go on, sequential names have not been given out twice, the writers'
 * sessions and ephemerals live, those of closed sessions are gone. Throws, naming the seed, where one of it is not so.
 */
export async function runCampaign(options) {
    const draw = random(options.seed);
    const server = await ServerProcess.prepare(options.kind ?? 'menagerie', {
        // Small limits, so that snapshots and log rolls fall into the time of the kills.
        config: [`tickTime=${TICK_MS}`, 'snapCount=3000', 'preAllocSize=1024'],
    });
    const campaign = new Campaign(server, draw, options);
    try {
        await campaign.run();
        return campaign.report;
    }
    catch (error) {
        throw new Error(`seed ${draw.seed}, kill ${campaign.report.kills}: ${error.message}\n${server.output.slice(-4000)}`, { cause: error });
    }
    finally {
        await campaign.dispose();
    }
}
class Campaign {
    report;
    #server;
    #draw;
    #options;
    #subtrees;
    #clients = [];
    #mortals = [];
    #mortalClients = [];
    constructor(server, draw, options) {
        this.#server = server;
        this.#draw = draw;
        this.#options = options;
        this.#subtrees = Array.from({ length: options.writers ?? 4 }, (_, i) => new OwnSubtree(`/writer-${i}`, draw));
        this.report = {
            ...{ seed: draw.seed, kills: 0, killsAtStart: 0, acknowledgedWrites: 0, doneUnacknowledged: 0 },
            ...{ mortalSessions: 0, lastZxid: 0n, slowestStartMs: 0 },
        };
    }
    async run() {
        await this.#start();
        this.#clients = await Promise.all(this.#subtrees.map(() => this.#connect(WRITER_TIMEOUT_MS)));
        for (const [i, { base }] of this.#subtrees.entries())
            ok(await this.#clients[i].create(base));
        ok(await this.#clients[0].create('/mortal'));
        while (this.report.kills < this.#options.kills) {
            await this.#writeUntilKilled();
            if (this.#draw.below(5) === 0)
                await this.#killWhileStarting();
            await this.#start();
            await this.#reattach();
            await this.#verify();
            this.#options.progress?.(this.#line());
        }
        await this.#mortalsAreGone();
        await this.#closeWriters();
    }
    async dispose() {
        await Promise.all([...this.#clients, ...this.#mortalClients].map((client) => client.disconnect()));
        await this.#server.dispose();
    }
    async #start() {
        const startedAt = Date.now();
        await this.#server.start();
        this.report.slowestStartMs = Math.max(this.report.slowestStartMs, Date.now() - startedAt);
    }
    #connect(timeoutMs) {
        return WireClient.connect({ port: this.#server.port, timeoutMs });
    }
    async #writeUntilKilled() {
        const depths = [1, 8, 64];
        const work = this.#subtrees.map((subtree, i) => subtree.write(this.#clients[i], depths[this.#draw.below(depths.length)]));
        const mortals = this.#mortalsComeAndGo();
        // A writer that finds a wrong answer ends the campaign at once; none ends otherwise while the server runs.
        const wrong = Promise.all([...work, mortals]);
        wrong.catch(() => { });
        await Promise.race([delay(30 + this.#draw.below(500)), wrong]);
        await this.#server.kill9();
        this.report.kills += 1;
        await wrong;
    }
    async #killWhileStarting() {
        this.#server.launch();
        await delay(this.#draw.below(500));
        await this.#server.kill9();
        this.report.kills += 1;
        this.report.killsAtStart += 1;
    }
    /** Short sessions, each with an ephemeral: some are closed, some left to expire. */
    async #mortalsComeAndGo() {
        try {
            for (let n = 0; n < 2; n++) {
                const client = await this.#connect(MORTAL_TIMEOUT_MS);
                this.#mortalClients.push(client);
                const mortal = { path: `/mortal/m${this.report.mortalSessions++}`, fate: 'left' };
                this.#mortals.push(mortal);
                ok(await client.create(mortal.path, null, Flag.ephemeral));
                await delay(this.#draw.below(60));
                if (this.#draw.below(3) === 0) {
                    await client.disconnect();
                }
                else {
                    mortal.fate = 'closing';
                    ok(await client.closeSession());
                    mortal.fate = 'closed';
                }
            }
        }
        catch (error) {
            if (this.#server.isRunning && /request \d+ failed/.test(error.message))
                throw error;
        }
    }
    /** Every writer takes up its session where it was. */
    async #reattach() {
        this.#clients = await Promise.all(this.#clients.map(async (old, i) => {
            const { sessionId, password } = old.session;
            const lastZxidSeen = this.#subtrees[i].lastZxid;
            const options = {
                port: this.#server.port,
                sessionId,
                password,
                lastZxidSeen,
                timeoutMs: WRITER_TIMEOUT_MS,
            };
            const client = await WireClient.connect(options).catch((error) => {
                const who = `session 0x${sessionId.toString(16)}, which has seen zxid ${lastZxidSeen}`;
                throw new Error(`${who}, is turned away: ${error.message}`, { cause: error });
            });
            if (client.session.sessionId !== sessionId)
                throw new Error(`session 0x${sessionId.toString(16)} is gone`);
            return client;
        }));
        await Promise.all(this.#mortalClients.map((client) => client.disconnect()));
        this.#mortalClients = [];
    }
    async #verify() {
        await Promise.all(this.#subtrees.map((subtree, i) => subtree.verify(this.#clients[i])));
        const { zxid } = await this.#clients[0].setData('/mortal', null);
        for (const { lastZxid, base } of this.#subtrees) {
            if (zxid <= lastZxid)
                throw new Error(`zxid ${zxid} is given out again: ${base} has seen ${lastZxid}`);
        }
        this.report.lastZxid = zxid;
        const there = new Set(ok(await this.#clients[0].getChildren('/mortal')).map((name) => `/mortal/${name}`));
        for (const { path, fate } of this.#mortals) {
            if (fate === 'closed' && there.has(path))
                throw new Error(`${path} outlives its session, which was closed`);
        }
        this.#mortals = this.#mortals.filter(({ path }) => there.has(path));
        this.report.acknowledgedWrites = sum(this.#subtrees.map((subtree) => subtree.acknowledgedWrites));
        this.report.doneUnacknowledged = sum(this.#subtrees.map((subtree) => subtree.doneUnacknowledged));
    }
    /** Sessions that nobody came back for expire, and their ephemerals with them. */
    async #mortalsAreGone() {
        const deadline = Date.now() + 20 * MORTAL_TIMEOUT_MS;
        for (;;) {
            const left = ok(await this.#clients[0].getChildren('/mortal'));
            if (left.length === 0)
                return;
            if (Date.now() > deadline)
                throw new Error(`ephemerals of dead sessions: ${left.join(' ')}`);
            await Promise.all(this.#clients.map((client) => client.ping()));
            await delay(TICK_MS / 5);
        }
    }
    async #closeWriters() {
        const observer = await this.#connect(WRITER_TIMEOUT_MS);
        this.#mortalClients.push(observer);
        for (const client of this.#clients)
            ok(await client.closeSession());
        for (const subtree of this.#subtrees) {
            for (const name of subtree.ephemerals) {
                const { err } = await observer.exists(`${subtree.base}/${name}`);
                if (err !== ErrorCode.NONODE)
                    throw new Error(`${subtree.base}/${name} outlives its session`);
            }
        }
    }
    #line() {
        const { kills, killsAtStart, acknowledgedWrites, doneUnacknowledged, lastZxid } = this.report;
        return (`kill ${kills} of ${this.#options.kills} (${killsAtStart} at start): ${acknowledgedWrites} writes acknowledged ` +
            `and there, ${doneUnacknowledged} more done, zxid 0x${lastZxid.toString(16)}`);
    }
}
function sum(values) {
    return values.reduce((total, value) => total + value, 0);
}
const HELP = `Kills a server with SIGKILL while it is written to, starts it on the same data and checks that nothing
acknowledged is lost.

  node dist/test/crash/kill-nine.js [--kills N] [--seed N] [--writers N] [--apache]

  --kills N    how often (100)
  --seed N     the seed of a run that is to be repeated (a new one)
  --writers N  sessions that write (4)
  --apache     on Apache ZooKeeper instead of Menagerie, to check the check
`;
async function main() {
    const { values } = parseArgs({
        options: {
            kills: { type: 'string', default: '100' },
            seed: { type: 'string' },
            writers: { type: 'string', default: '4' },
            apache: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
        },
    });
    if (values.help) {
        process.stdout.write(HELP);
        return;
    }
    const report = await runCampaign({
        kills: Number(values.kills),
        writers: Number(values.writers),
        kind: values.apache ? 'apache' : 'menagerie',
        progress: (line) => console.log(line),
        ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
    });
    console.log(report);
}
if (process.argv[1] === fileURLToPath(import.meta.url))
    await main();
