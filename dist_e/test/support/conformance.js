import { after, afterEach, before, describe } from 'node:test';
import { apacheMissing, startApache, startMenagerie, } from './server-process.js';
import { WireClient } from './wire-client.js';
/**
 * Declares the same tests against Menagerie and, with `MENAGERIE_TEST_APACHE=1` in the environment, against a real
 * Apache ZooKeeper too (`only`: against nothing else), which shows that the expectations are ZooKeeper's. One server
 * serves all tests of a file.
 */
export function conformance(theme, options, declare) {
    const wanted = process.env.MENAGERIE_TEST_APACHE ?? '0';
    if (wanted !== 'only') {
        describe(`${theme} (Menagerie)`, { timeout: 300_000 }, () => declareOn(startMenagerie, options, declare));
    }
    if (wanted !== '0') {
        const skip = apacheMissing() ?? false;
        describe(`${theme} (Apache)`, { timeout: 300_000, skip }, () => declareOn(startApache, options, declare));
    }
}
let pathsGiven = 0;
function declareOn(start, options, declare) {
    let server = null;
    let clients = [];
    const current = () => {
        if (server === null)
            throw new Error('the server is started before the tests, not while they are declared');
        return server;
    };
    before(async () => {
        server = await start(options);
    });
    afterEach(async () => {
        await Promise.all(clients.map((client) => client.leave()));
        clients = [];
        if (!current().isRunning)
            throw new Error(`the server has ended:\n${current().output}`);
    });
    declare({
        get server() {
            return current();
        },
        get port() {
            return current().port;
        },
        async connect(connectOptions = {}) {
            const client = await this.open();
            await client.establish(connectOptions);
            return client;
        },
        async open() {
            const client = await WireClient.open(current().port);
            clients.push(client);
            return client;
        },
        freshPath() {
            pathsGiven += 1;
            return `/t${pathsGiven}`;
        },
        since39: (expected, on38) => (current().kind === 'apache' ? on38 : expected),
    });
    // Behind those of the tests, which may still need the server.
    after(async () => await server?.dispose());
}
