// Real work by npm's zookeeper on the server at 127.0.0.1:PORT; the first argument names the part.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import ZooKeeper from 'zookeeper';

const { constants } = ZooKeeper;
const [part, port] = process.argv.slice(2);
const PATIENCE_MS = 30_000;

async function connect() {
  const client = new ZooKeeper({
    connect: `127.0.0.1:${port}`,
    timeout: 20_000,
    debug_level: constants.ZOO_LOG_LEVEL_ERROR,
    host_order_deterministic: false,
  });
  const connected = once(client, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) });
  client.init({});
  await connected;
  return client;
}

/** The next call of a watcher, as [type, path]. */
function event(set) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no event came')), PATIENCE_MS);
    set((type, _state, path) => {
      clearTimeout(timer);
      resolve([type, path]);
    });
  });
}

function authenticate(client) {
  return new Promise((resolve, reject) => {
    client.add_auth('digest', 'user:pass', (code, error) =>
      code === 0 ? resolve() : reject(new Error(error)),
    );
  });
}

async function refused(code, call) {
  await assert.rejects(call, (error) => {
    assert.match(String(error.message ?? error), new RegExp(code));
    return true;
  });
}

const parts = {
  async basics() {
    const client = await connect();
    assert.equal(await client.create('/npm', Buffer.from('one'), constants.ZOO_PERSISTENT), '/npm');
    const name = await client.create('/npm/s-', 'two', constants.ZOO_EPHEMERAL_SEQUENTIAL);
    assert.equal(name, '/npm/s-0000000000');
    const [stat, data] = await client.get('/npm', false);
    assert.equal(data.toString(), 'one');
    assert.equal(stat.numChildren, 1);
    assert.equal((await client.set('/npm', 'changed', 0)).version, 1);
    await refused('version', () => client.set('/npm', 'again', 0));
    await refused('exists', () => client.create('/npm', 'x', constants.ZOO_PERSISTENT));
    await refused('no node', () => client.get('/npm/none', false));
    await refused('not empty', () => client.delete_('/npm', -1));
    assert.deepEqual(await client.get_children('/npm', false), ['s-0000000000']);
    assert.equal(await client.pathExists('/npm/none', false), false);
    await client.create('/npm/container', 'c', constants.ZOO_CONTAINER);
    await client.create('/npm/ttl', 't', constants.ZOO_PERSISTENT_WITH_TTL, 60_000);
    assert.equal((await client.exists('/npm/ttl', false)).ephemeralOwner, '0');
    await client.sync('/npm');
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    const made = await Promise.all(
      numbers.map((n) => client.create('/npm/many-', `${n}`, constants.ZOO_PERSISTENT_SEQUENTIAL)),
    );
    assert.deepEqual(made, [...made].sort(), 'in the order in which they were asked for');
    const read = await Promise.all(made.map((path) => client.get(path, false)));
    assert.deepEqual(
      read.map(([, bytes]) => Number(bytes.toString())),
      numbers,
    );
    await Promise.all([...made, '/npm/container', '/npm/ttl', name].map((path) => client.delete_(path, -1)));
    await client.delete_('/npm', 1);
    client.close();
  },

  async watches() {
    const [client, other] = [await connect(), await connect()];
    const appears = await new Promise((resolve) => {
      const fired = event((watcher) => {
        client.w_pathExists('/npm-watched', watcher).then(() => resolve({ fired }));
      });
    });
    await other.create('/npm-watched', 'x', constants.ZOO_PERSISTENT);
    assert.deepEqual(await appears.fired, [constants.ZOO_CREATED_EVENT, '/npm-watched']);
    let set;
    const changes = event((watcher) => {
      set = client.w_get('/npm-watched', watcher);
    });
    await set;
    await other.set('/npm-watched', 'y', 0);
    assert.deepEqual(await changes, [constants.ZOO_CHANGED_EVENT, '/npm-watched']);
    const grows = event((watcher) => {
      set = client.w_get_children('/npm-watched', watcher);
    });
    await set;
    await other.create('/npm-watched/c', 'x', constants.ZOO_PERSISTENT);
    assert.deepEqual(await grows, [constants.ZOO_CHILD_EVENT, '/npm-watched']);
    await other.delete_('/npm-watched/c', 0);
    const goes = event((watcher) => {
      set = client.w_exists('/npm-watched', watcher);
    });
    await set;
    await other.delete_('/npm-watched', 1);
    assert.deepEqual(await goes, [constants.ZOO_DELETED_EVENT, '/npm-watched']);
    client.close();
    other.close();
  },

  async acls() {
    const [client, other] = [await connect(), await connect()];
    await client.create('/npm-acl', 'secret', constants.ZOO_PERSISTENT);
    await authenticate(client);
    await client.set_acl('/npm-acl', 0, [
      { perm: constants.ZOO_PERM_ALL, scheme: 'digest', auth: 'user:smGaoVKd/cQkjm7b88GyorAUz20=' },
    ]);
    assert.equal((await client.get_acl('/npm-acl')).flat()[0].auth, 'user:smGaoVKd/cQkjm7b88GyorAUz20=');
    await refused('authenticated', () => other.get('/npm-acl', false));
    await authenticate(other);
    assert.equal((await other.get('/npm-acl', false))[1].toString(), 'secret');
    await client.delete_('/npm-acl', -1);
    client.close();
    other.close();
  },
};

await parts[part]();
console.log('done');
process.exit(0);
