import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { conformance } from '../support/conformance.js';
import { fourLetterWord } from '../support/four-letter-word.js';
import { ok } from '../support/wire-connection.js';
import { Flag, text } from '../support/wire-records.js';
/** `key<separator>value` lines as a map; throws at a line that is none. */
function table(output, separator) {
    assert.ok(output.endsWith('\n'), 'the last line ends too');
    return new Map(output
        .trimEnd()
        .split('\n')
        .map((line) => {
        const at = line.indexOf(separator);
        assert.ok(at > 0, `no ${JSON.stringify(separator)} in ${JSON.stringify(line)}`);
        return [line.slice(0, at), line.slice(at + 1)];
    }));
}
const version = String.raw `Zookeeper version: \d+\.\d+\.\d+\S*, built on \S.*\n`;
const counters = String.raw `Latency min/avg/max: \d+/\d+\.\d+/\d+\nReceived: \d+\nSent: \d+\nConnections: \d+\nOutstanding: \d+\nZxid: 0x[0-9a-f]+\nMode: standalone\nNode count: \d+\n`;
const connection = String.raw ` /127\.0\.0\.1:\d+\[[0-9a-f]+\]\(queued=\d+,recved=\d+,sent=\d+\)\n`;
const session = String.raw `,sid=0x[0-9a-f]+,lop=[A-Z0-9]{2,6},est=\d+,to=\d+,(lcxid=0x[0-9a-f]+,)?lzxid=0x[0-9a-f]+,lresp=\d+,llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+`;
const wholeConnection = String.raw ` /127\.0\.0\.1:\d+\[[0-9a-f]+\]\(queued=\d+,recved=\d+,sent=\d+(${session})?\)\n`;
conformance('four-letter words', {}, (subject) => {
    const ask = (word) => fourLetterWord(subject.port, word);
    test('ruok', async () => assert.equal(await ask('ruok'), 'imok'));
    test('a word may come with a line end, or in pieces', async () => {
        assert.equal(await ask('ruok\n'), 'imok');
        assert.equal(await ask('ruok\r\n'), 'imok');
        const client = await subject.open();
        for (const letter of 'ruok') {
            client.sendRaw(text(letter));
            await new Promise((resolve) => setImmediate(resolve));
        }
        await client.waitForClose();
    });
    test('srvr: version, latencies, counts, zxid, mode', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const { zxid } = await client.create(path);
        const output = await ask('srvr');
        assert.match(output, new RegExp(`^${version}${counters}$`));
        assert.match(output, new RegExp(`\nZxid: 0x${zxid.toString(16)}\n`));
    });
    test('srvr counts the nodes, five at the start', async () => {
        const client = await subject.connect();
        const count = async () => Number(/Node count: (\d+)/.exec(await ask('srvr'))?.[1]);
        const tree = async (path) => {
            const children = ok(await client.getChildren(path));
            const counts = await Promise.all(children.map((name) => tree(`${path === '/' ? '' : path}/${name}`)));
            return counts.reduce((sum, one) => sum + one, 1);
        };
        assert.equal(await count(), (await tree('/')) + 1, 'the root counts twice, as in Apache');
        const before = await count();
        const path = subject.freshPath();
        ok(await client.create(path));
        assert.equal(await count(), before + 1);
        ok(await client.delete(path));
        assert.equal(await count(), before);
    });
    test('stat lists the clients between version and counts', async () => {
        const client = await subject.connect();
        const output = await ask('stat');
        assert.match(output, new RegExp(`^${version}Clients:\n(${connection})+\n${counters}$`));
        assert.ok(output.includes(` /${client.localAddress}[`), 'this client is among them');
    });
    test('cons tells of each connection and its session', async () => {
        const client = await subject.connect({ timeoutMs: 12_000 });
        ok(await client.exists('/'));
        const output = await ask('cons');
        assert.match(output, new RegExp(`^(${wholeConnection})+\n$`));
        const line = output.split('\n').find((one) => one.startsWith(` /${client.localAddress}[`));
        assert.match(line ?? '', new RegExp(`,sid=0x${client.session.sessionId.toString(16)},lop=EXIS,`));
        assert.match(line ?? '', /,to=12000,lcxid=0x1,/);
        assert.match(line ?? '', /\(queued=0,recved=2,sent=2,/);
    });
    test('conf names the settings', async () => {
        const conf = table(await ask('conf'), '=');
        assert.deepEqual([...conf.keys()], [
            ...[
                'clientPort',
                'secureClientPort',
                'dataDir',
                'dataDirSize',
                'dataLogDir',
                'dataLogSize',
                'tickTime',
            ],
            ...[
                'maxClientCnxns',
                'minSessionTimeout',
                'maxSessionTimeout',
                'clientPortListenBacklog',
                'serverId',
            ],
        ]);
        const { dataDir } = subject.server;
        assert.equal(conf.get('clientPort'), String(subject.port));
        assert.equal(conf.get('secureClientPort'), '-1');
        assert.equal(conf.get('dataDir'), join(dataDir, 'version-2'));
        assert.equal(conf.get('dataLogDir'), join(dataDir, 'version-2'));
        assert.match(conf.get('dataDirSize') ?? '', /^\d+$/);
        assert.match(conf.get('dataLogSize') ?? '', /^\d+$/);
        const numbers = [
            'tickTime',
            'maxClientCnxns',
            'minSessionTimeout',
            'maxSessionTimeout',
            'clientPortListenBacklog',
        ];
        assert.deepEqual(numbers.map((key) => conf.get(key)), ['2000', '0', '4000', '40000', '-1']);
    });
    test('mntr: the figures that monitoring reads', async () => {
        const client = await subject.connect();
        const watched = subject.freshPath();
        const value = async (key) => {
            const mntr = table(await ask('mntr'), '\t');
            assert.ok(mntr.has(key), `no ${key}`);
            return Number(mntr.get(key));
        };
        const mntr = table(await ask('mntr'), '\t');
        assert.equal([...mntr.keys()][0], 'zk_version');
        assert.equal(mntr.get('zk_server_state'), 'standalone');
        for (const key of [
            'latency',
            'packets_received',
            'packets_sent',
            'num_alive_connections',
            'outstanding_requests',
        ]) {
            const full = key === 'latency' ? ['zk_avg_latency', 'zk_min_latency', 'zk_max_latency'] : [`zk_${key}`];
            for (const one of full)
                assert.match(mntr.get(one) ?? 'missing', /^\d+(\.\d+)?$/, one);
        }
        for (const key of [
            'zk_open_file_descriptor_count',
            'zk_max_file_descriptor_count',
            'zk_approximate_data_size',
        ]) {
            assert.ok(Number(mntr.get(key)) > 0, key);
        }
        const before = { nodes: await value('zk_znode_count'), ephemerals: await value('zk_ephemerals_count') };
        const watches = await value('zk_watch_count');
        ok(await client.create(watched, text('data'), Flag.ephemeral));
        ok(await client.getData(watched, true));
        assert.equal(await value('zk_znode_count'), before.nodes + 1);
        assert.equal(await value('zk_ephemerals_count'), before.ephemerals + 1);
        assert.equal(await value('zk_watch_count'), watches + 1);
        assert.ok((await value('zk_global_sessions')) >= 1);
        assert.ok((await value('zk_num_alive_connections')) >= 1);
    });
    test('isro: this server takes writes', async () => assert.equal(await ask('isro'), 'rw'));
});
conformance('four-letter words that are not on the whitelist', { config: ['4lw.commands.whitelist=ruok, isro'] }, (subject) => {
    const ask = (word) => fourLetterWord(subject.port, word);
    test('those on it are answered, and srvr always', async () => {
        assert.equal(await ask('ruok'), 'imok');
        assert.equal(await ask('isro'), 'rw');
        assert.match(await ask('srvr'), /\nMode: standalone\n/);
    });
    for (const word of ['stat', 'mntr', 'conf', 'cons', 'envi', 'wchc', 'dump']) {
        test(`${word} is refused`, async () => {
            assert.equal(await ask(word), `${word} is not executed because it is not in the whitelist.\n`);
        });
    }
    test('what is no word at all is the length of a packet: too long', async () => {
        assert.equal(await ask('what'), '');
    });
    test('the control-C of telnet', async () => {
        const word = Uint8Array.of(0xff, 0xf4, 0xff, 0xfd);
        assert.equal(await ask(word), 'telnet close is not executed because it is not in the whitelist.\n');
    });
});
