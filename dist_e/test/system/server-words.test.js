import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conformance } from '../support/conformance.js';
import { fourLetterWord } from '../support/four-letter-word.js';
import { ok } from '../support/wire-connection.js';
import { Flag, text } from '../support/wire-records.js';
const date = String.raw `\w{3} \w{3} \d\d \d\d:\d\d:\d\d \S+ \d{4}`;
function idOf(client) {
    return `0x${client.session.sessionId.toString(16)}`;
}
// Two workers, so that answers are put together from both; Apache takes the key for one of somebody else's.
conformance('four-letter words about sessions, watches and statistics', { config: ['menagerie.connectionWorkers=2'] }, (subject) => {
    const ask = (word) => fourLetterWord(subject.port, word);
    test('dump: sessions, ephemerals and connections', async () => {
        const first = await subject.connect({ timeoutMs: 10_000 });
        const second = await subject.connect({ timeoutMs: 20_000 });
        const path = subject.freshPath();
        ok(await first.create(path, text(''), Flag.ephemeral));
        const output = await ask('dump');
        const sessionSet = String.raw `\d+ expire at ${date}:\n(\t0x[0-9a-f]+\n)+`;
        const connectionSet = String.raw `\d+ expire at ${date}:\n(\tip: /127\.0\.0\.1:\d+ sessionId: 0x[0-9a-f]+\n)+`;
        const layout = [
            String.raw `^SessionTracker dump:\nSession Sets \(\d+\)/\(\d+\):\n(${sessionSet})+`,
            String.raw `ephemeral nodes dump:\nSessions with Ephemerals \(1\):\n${idOf(first)}:\n\t${path}\n`,
            String.raw `Connections dump:\nConnections Sets \(\d+\)/\(\d+\):\n(${connectionSet})+$`,
        ];
        assert.match(output, new RegExp(layout.join('')));
        for (const client of [first, second]) {
            assert.ok(output.includes(`\n\t${idOf(client)}\n`), 'its session is there');
            assert.ok(output.includes(`\tip: /${client.localAddress} sessionId: ${idOf(client)}\n`));
        }
        const [, sets, members] = /Session Sets \((\d+)\)\/\((\d+)\)/.exec(output) ?? [];
        assert.equal(Number(sets) >= 2 && Number(members) >= 2, true, 'two timeouts, so two sets');
        const expiry = new Date(new RegExp(`expire at (${date}):`).exec(output)?.[1] ?? '');
        const awayMs = expiry.getTime() - Date.now();
        assert.ok(awayMs > 0 && awayMs < 14_000, `the first session ends in ${awayMs} ms`);
    });
    test('wchs, wchc and wchp tell of data watches over all connections', async () => {
        const clients = await Promise.all(Array.from({ length: 6 }, () => subject.connect()));
        const path = subject.freshPath();
        const other = subject.freshPath();
        ok(await clients[0].create(path));
        for (const client of clients)
            ok(await client.getData(path, true));
        await clients[5].exists(other, true);
        ok(await clients[4].getChildren(path, true));
        assert.equal(await ask('wchs'), '6 connections watching 2 paths\nTotal watches:7\n');
        const bySession = await ask('wchc');
        assert.match(bySession, /^(0x[0-9a-f]+\n(\t\/\S+\n)+){6}\n$/);
        for (const client of clients.slice(0, 5))
            assert.ok(bySession.includes(`${idOf(client)}\n\t${path}\n`));
        const ofLast = new RegExp(`${idOf(clients[5])}\n((\t/\\S+\n)+)`).exec(bySession)?.[1] ?? '';
        assert.deepEqual(ofLast.trim().split('\n\t').sort(), [path, other].sort());
        const byPath = await ask('wchp');
        assert.match(byPath, /^(\/\S+\n(\t0x[0-9a-f]+\n)+){2}\n$/);
        assert.ok(byPath.includes(`${other}\n\t${idOf(clients[5])}\n`));
        const ofPath = new RegExp(`${path}\n((\t0x[0-9a-f]+\n)+)`).exec(byPath)?.[1] ?? '';
        assert.deepEqual(ofPath.trim().split('\n\t').sort(), clients.map(idOf).sort());
        ok(await clients[0].setData(path, text('fired')));
        await clients[5].waitForNotifications(1);
        // Apache goes on counting connections whose watches have fired.
        const watching = subject.server.kind === 'apache' ? 6 : 1;
        assert.equal(await ask('wchs'), `${watching} connections watching 1 paths\nTotal watches:1\n`);
    });
    test('nobody watches', async () => {
        assert.equal(await ask('wchs'), '0 connections watching 0 paths\nTotal watches:0\n');
        assert.equal(await ask('wchc'), '\n');
        assert.equal(await ask('wchp'), '\n');
    });
    test('dirs: bytes of data and log', async () => {
        assert.match(await ask('dirs'), /^datadir_size: [1-9]\d*\nlogdir_size: [1-9]\d*\n$/);
    });
    test('envi: every line of Apache', async () => {
        const [title, ...lines] = (await ask('envi')).trimEnd().split('\n');
        assert.equal(title, 'Environment:');
        const keys = lines.map((line) => line.slice(0, line.indexOf('=')));
        assert.deepEqual(keys, [
            ...['zookeeper.version', 'host.name', 'java.version', 'java.vendor', 'java.home', 'java.class.path'],
            ...['java.library.path', 'java.io.tmpdir', 'java.compiler', 'os.name', 'os.arch', 'os.version'],
            ...['user.name', 'user.home', 'user.dir', 'os.memory.free', 'os.memory.max', 'os.memory.total'],
        ]);
        for (const line of lines.slice(-3))
            assert.match(line, /=\d+MB$/);
    });
    test('hash: the digest at every 128th zxid', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const { zxid } = await client.create(path);
        const writes = client.batch(() => Array.from({ length: 300 }, () => client.setData(path, text('x'))));
        const last = (await Promise.all(writes)).at(-1)?.zxid ?? 0n;
        const output = await ask('hash');
        assert.match(output, /^([0-9a-f]+: -?\d+\n)+$/);
        const zxids = output
            .trimEnd()
            .split('\n')
            .map((line) => BigInt(`0x${line.split(':')[0]}`));
        const expected = [];
        for (let at = (zxid / 128n + 1n) * 128n; at <= last; at += 128n)
            expected.push(at);
        assert.ok(expected.length >= 2);
        assert.deepEqual(zxids.slice(-expected.length), expected);
        assert.ok(zxids.every((one) => one % 128n === 0n));
    });
    test('gtmk and stmk: the mask comes as a long behind the word', async () => {
        assert.equal(await ask('gtmk'), '306');
        const stmk = Buffer.alloc(12);
        stmk.write('stmk');
        stmk.writeBigInt64BE(0x100000002n, 4);
        assert.equal(await ask(stmk), '4294967298');
        assert.equal(await ask('gtmk'), '4294967298');
        stmk.writeBigInt64BE(-1n, 4);
        assert.equal(await ask(stmk), '-1');
        stmk.writeBigInt64BE(306n, 4);
        assert.equal(await ask(stmk), '306');
    });
    test('crst forgets what each connection counted, and nothing else', async () => {
        const client = await subject.connect();
        ok(await client.exists('/'));
        ok(await client.create(subject.freshPath()));
        const sent = async () => Number(/Sent: (\d+)/.exec(await ask('srvr'))?.[1]);
        const before = await sent();
        assert.equal(await ask('crst'), 'Connection stats reset.\n');
        const line = (await ask('cons')).split('\n').find((one) => one.startsWith(` /${client.localAddress}[`));
        assert.match(line ?? '', /\(queued=0,recved=0,sent=0,sid=0x[0-9a-f]+,lop=NA,est=\d+,to=\d+,lzxid=0xf{16},lresp=0,llat=0,minlat=0,avglat=0,maxlat=0\)$/);
        assert.ok((await sent()) > before);
        ok(await client.exists('/'));
        assert.match(await ask('cons'), /recved=1,sent=1,.*,lop=EXIS,/);
    });
    test('srst forgets what the server counted, and what its connections did before', async () => {
        const client = await subject.connect();
        for (let i = 0; i < 20; i++)
            ok(await client.create(subject.freshPath()));
        assert.equal(await ask('srst'), 'Server stats reset.\n');
        const server = await ask('srvr');
        assert.match(server, /Latency min\/avg\/max: 0\/0\.0\/0\nReceived: 1\nSent: 1\n/);
        const metrics = await ask('mntr');
        assert.match(metrics, /\nzk_bytes_received_count\t8\n/);
        assert.match(metrics, /\nzk_cnt_fsynctime\t0\n/);
        assert.match(await ask('cons'), /recved=21,sent=21,/);
        await client.leave();
        const sent = Number(/Sent: (\d+)/.exec(await ask('srvr'))?.[1]);
        assert.ok(sent > 0 && sent < 10, `Sent: ${sent}`);
    });
    test('mntr counts what happens', async () => {
        const read = async () => new Map((await ask('mntr')).split('\n').map((line) => line.slice(3).split('\t')));
        const before = await read();
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path, text('x')));
        ok(await client.getData(path, true));
        ok(await client.setData(path, text('y')));
        await client.waitForNotifications(1);
        const after = await read();
        const grown = (name) => Number(after.get(name)) - Number(before.get(name));
        assert.equal(grown('connection_request_count'), 1);
        assert.equal(grown('sum_node_changed_watch_count'), 1);
        assert.equal(grown('cnt_startup_txns_loaded'), 0);
        assert.ok(grown('bytes_received_count') > 100);
        assert.ok(grown('response_bytes') > 100);
        assert.ok(grown('cnt_fsynctime') > 0);
        // Apache counts these in its leader only; here a standalone server is an ensemble of one.
        if (subject.server.kind === 'menagerie') {
            assert.equal(grown('proposal_count'), 3);
            assert.equal(grown('commit_count'), 3);
        }
    });
});
