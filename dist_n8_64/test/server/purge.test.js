// Autopurge in a real server, on the data of a real Apache server: three snapshots, to which the start adds one.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory, unpackApacheData } from '../storage/support.js';
import { delay, ServerProcess } from '../support/server-process.js';
async function serverOnApacheData(context, config) {
    const dataDir = temporaryDirectory(context);
    unpackApacheData(dataDir);
    const server = await ServerProcess.prepare('menagerie', { dataDir, config });
    context.after(() => server.dispose());
    await server.start();
    return server;
}
async function untilLogged(server, line) {
    const deadline = Date.now() + 20_000;
    while (!line.test(server.output)) {
        assert.ok(Date.now() < deadline, `never logged ${line}:\n${server.output}`);
        await delay(20);
    }
}
function filesIn(server, prefix) {
    return readdirSync(join(server.dataDir, 'version-2'))
        .filter((name) => name.startsWith(prefix))
        .sort();
}
test('is on by default: at the start, behind the first snapshot', async (context) => {
    const server = await serverOnApacheData(context, []);
    await untilLogged(server, /purge: removed 1 snapshots and 0 logs, .* from snapshot\.14 on, do not need: snapshot\.0/);
    assert.deepEqual(filesIn(server, 'snapshot.'), ['snapshot.14', 'snapshot.1c', 'snapshot.1d']);
    assert.deepEqual(filesIn(server, 'log.').slice(0, 3), ['log.1', 'log.15', 'log.1d']);
    assert.equal((await server.stop()).code, 0);
});
test('a larger autopurge.snapRetainCount keeps more', async (context) => {
    const server = await serverOnApacheData(context, ['autopurge.snapRetainCount=4']);
    await untilLogged(server, /snapshot .*snapshot\.1d: \d+ znodes/);
    assert.equal((await server.stop()).code, 0);
    assert.equal(filesIn(server, 'snapshot.').length, 4);
    assert.doesNotMatch(server.output, /purge: removed/);
});
test('autopurge.purgeInterval=0 switches it off', async (context) => {
    const server = await serverOnApacheData(context, ['autopurge.purgeInterval=0']);
    assert.match(server.output, /autopurge\.purgeInterval=0: old snapshots and logs stay/);
    await untilLogged(server, /snapshot .*snapshot\.1d: \d+ znodes/);
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual(filesIn(server, 'snapshot.'), ['snapshot.0', 'snapshot.14', 'snapshot.1c', 'snapshot.1d']);
});
