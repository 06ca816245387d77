import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseWords, splitLine } from '../../src/cli/shell/command-line.ts';
import { complete } from '../../src/cli/shell/completion.ts';
import { clientConfig } from '../../src/cli/shell/ensemble-commands.ts';
import { hexDump } from '../../src/cli/shell/hex-dump.ts';
import { pathProblemText } from '../../src/cli/shell/path-problem-text.ts';
import { bytes, onBothServers } from '../support/client-servers.ts';
import { runCommand } from '../support/command.ts';
import { apacheClassPath, apacheMissing, delay, freePort } from '../support/server-process.ts';
import { zkCliScript } from './zk-cli-commands.ts';

const entry = fileURLToPath(new URL('../../src/cli/zk-cli.js', import.meta.url));

/** Both streams in one pipe, so that they stay in order. */
function together(program: readonly string[], input = '') {
  return runCommand('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...program], { input });
}

function ours(port: number, args: readonly string[], input = '') {
  return together([process.execPath, entry, '-server', `127.0.0.1:${port}`, ...args], input);
}

function apaches(port: number, args: readonly string[], input = '') {
  const java = ['/usr/bin/java', '-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dlog4j.defaultInitOverride=true'];
  const main = [
    '-cp',
    apacheClassPath(),
    'org.apache.zookeeper.ZooKeeperMain',
    '-server',
    `127.0.0.1:${port}`,
  ];
  return together([...java, ...main, ...args], input);
}

/** Takes out what may differ: zxids, session ids, times, Java's log, and what 3.9's commands have beyond those of 3.8. */
function comparable(output: string): { lines: string[]; events: string[] } {
  const events: string[] = [];
  const rest = output
    .replace(/^log4j:.*\n/gm, '')
    // Apache's event thread may print between the two, and between any lines.
    .replace(/\nWATCHER::\n/g, '')
    .replace(/\n(WatchedEvent .*?)(?: zxid: -?\d+)?\n/g, (_, event: string) => {
      events.push(event);
      return '';
    })
    .replace(/0x[0-9a-f]+/g, '0x')
    .replace(/^([cm]time) = \w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}$/gm, '$1')
    .replaceAll('[-s] [-w] [-b] [-x] path', '[-s] [-w] path')
    .replaceAll('[-s] [-v version] [-b] path data', '[-s] [-v version] path data')
    .replace(/^ZooKeeper CLI version: .*, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC$/m, 'version');
  return { lines: rest.split('\n'), events };
}

onBothServers('zkCli', { config: ['extendedTypesEnabled=true'] }, (subject) => {
  const skip = apacheMissing() ?? false;

  test(`a script of ${zkCliScript.length} commands prints what Apache's own prints`, { skip }, async () => {
    const input = `${zkCliScript.join('\n')}\n`;
    const expected = await apaches(subject.server.port, [], input);
    const got = await ours(subject.server.port, [], input);
    assert.equal(got.code, expected.code);
    const [a, b] = [comparable(expected.output), comparable(got.output)];
    assert.deepEqual(b.lines, a.lines);
    // Apache's may still say that it closes its connection, or not any more.
    const whileOpen = (event: string) => !event.includes('state:Closed');
    assert.deepEqual(b.events.filter(whileOpen), a.events.filter(whileOpen));
    assert.ok(b.events.length >= 5, 'watch events were printed');
  });

  test('one command on the command line, and its exit code', { skip }, async () => {
    const { port } = subject.server;
    const path = subject.freshPath();
    for (const words of [
      ['create', path, 'x y'],
      ['get', path],
      ['get', `${path}/none`],
      ['nonsense'],
      ['ls'],
    ]) {
      const [expected, got] = [await apaches(port, words), await ours(port, words)];
      if (words[0] === 'create') {
        assert.equal(expected.code, 0);
        // The second one finds what the first has created.
        assert.deepEqual([got.code, got.output.includes(`Node already exists: ${path}`)], [1, true]);
        continue;
      }
      assert.equal(got.code, expected.code, `${words.join(' ')}: ${got.output}`);
      assert.deepEqual(comparable(got.output).lines, comparable(expected.output).lines);
    }
    assert.equal((await ours(port, ['nonsense'])).code, 127);
  });

  test('history, redo, connect, and numbers that are none', async () => {
    const path = subject.freshPath();
    const other = `127.0.0.1:${subject.server.port}`;
    const script = [
      `create ${path} 1`,
      'redo 0',
      'redo 9',
      'redo x',
      'redo',
      'history',
      `set -v x ${path} 2`,
      `get -q ${path}`,
      `set -v`,
      'close',
      `get ${path}`,
      `connect ${other}`,
      // Not in the script for both: Apache's now and then forgets to say it.
      'deleteall /',
      `get ${path}`,
      'printwatches off',
      `get -w ${path}`,
      `set ${path} 3`,
      'version',
    ];
    const { code, output } = await ours(subject.server.port, [], `${script.join('\n')}\n`);
    assert.equal(code, 0, output);
    const expected = [
      `Created ${path}\n`,
      `Node already exists: ${path}\n`,
      'Command index out of range\n',
      'Command index out of range\n',
      `0 - create ${path} 1\n1 - create ${path} 1\n2 - redo 9\n3 - redo x\n4 - redo\n5 - history\n`,
      'For input string: "x"\n',
      'Unrecognized option: -q\n',
      'Missing argument for option: v\n',
      'WatchedEvent state:Closed type:None path:null',
      'Not connected\n',
      'Failed to delete some node(s) in the subtree!\n',
      '\n1\n',
      'ZooKeeper CLI version: ',
    ];
    let at = 0;
    for (const text of expected) {
      const found = output.indexOf(text, at);
      assert.ok(found >= 0, `no ${JSON.stringify(text)} behind ${at} in:\n${output}`);
      at = found;
    }
    assert.ok(!output.includes('NodeDataChanged'), 'watches are not printed');
  });

  test('binary values', async () => {
    const path = subject.freshPath();
    const zk = await subject.connect();
    await zk.create(path, Uint8Array.from([0, 1, 0x41, 0xff]));
    const { port } = subject.server;
    assert.match((await ours(port, ['get', '-b', path])).output, /\nAAFB\/w==\n$/);
    assert.match(
      (await ours(port, ['get', '-x', path])).output,
      /\|00000000\| 00 01 41 ff {37}\|\.\.A\. {12}\|/,
    );
    assert.equal((await ours(port, ['set', '-b', path, 'AAFB/wA='])).code, 0);
    assert.deepEqual((await zk.getData(path)).data, Uint8Array.from([0, 1, 0x41, 0xff, 0]));
    const refused = await ours(port, ['set', '-b', path, '!!']);
    assert.deepEqual([refused.code, /'!!' is not base64/.test(refused.output)], [1, true]);
  });

  test('a chroot, several servers, -waitforconnection; servers that cannot be used', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    await zk.create(`${path}/inside`, bytes('x'));
    const address = `127.0.0.1:${subject.server.port}`;
    const nobody = `127.0.0.1:${await freePort()}`;
    const listed = await together([
      process.execPath,
      entry,
      '-server',
      `${nobody},${address}${path}`,
      'ls',
      '/',
    ]);
    assert.match(listed.output, /\n\[inside\]\n$/);
    const refused = await together([
      process.execPath,
      entry,
      '-server',
      nobody,
      '-timeout',
      '1000',
      'get',
      '/a',
    ]);
    assert.equal(refused.code, 1);
    assert.match(refused.output, /KeeperErrorCode = ConnectionLoss for \/a\n.*ECONNREFUSED/);
    const waited = await together([
      process.execPath,
      entry,
      '-server',
      nobody,
      '-timeout',
      '500',
      '-waitforconnection',
    ]);
    assert.equal(waited.code, 1);
    assert.match(waited.output, /no server could be used within 500 ms/);
    for (const args of [['-server'], ['-timeout', 'x'], ['-server', ':1'], ['-nonsense']]) {
      assert.equal((await together([process.execPath, entry, ...args])).code, 2, args.join(' '));
    }
  });

  test('in a terminal: prompt, completion of commands and paths, events above the line', async (context) => {
    if (!existsSync('/usr/bin/script')) return context.skip('no /usr/bin/script (Debian package bsdutils)');
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath(), bytes('before'));
    const address = `127.0.0.1:${subject.server.port}`;
    const inner = `'${process.execPath}' '${entry}' -server ${address}`;
    const child = spawn('/usr/bin/script', ['-qec', inner, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    let received = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      received += chunk.length;
      output += chunk.toString('utf8');
    });
    const shows = async (text: string) => {
      for (let left = 2000; !output.includes(text); left--) {
        assert.ok(left > 0, `no ${JSON.stringify(text)} in ${JSON.stringify(output)}`);
        await delay(10);
      }
      output = output.slice(output.indexOf(text) + text.length);
    };
    await shows('Welcome to ZooKeeper!');
    await shows('state:SyncConnected type:None path:null');
    // Key by key: what comes in one piece is taken for pasted, where a tab is a tab.
    for (const key of `sta\t-w ${path.slice(0, -1)}\t\r`) {
      const before = received;
      child.stdin.write(key);
      // Each key is answered: by its echo, or by what it completes.
      for (let left = 2000; received === before && left > 0; left--) await delay(5);
    }
    await shows('numChildren = 0');
    await shows(`[zk: ${address}(CONNECTED) 1] `);
    await zk.setData(path, bytes('after'));
    await shows(`type:NodeDataChanged path:${path}`);
    await shows(`[zk: ${address}(CONNECTED) 1] `);
    child.stdin.write('\x04');
    await shows('\r\n');
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0);
  });

  test('completion', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    await zk.create(`${path}/one`);
    await zk.create(`${path}/other`);
    await zk.create(`${path}/two`);
    assert.deepEqual(await complete(zk, `get ${path}/o`), [[`${path}/one`, `${path}/other`], `${path}/o`]);
    assert.deepEqual(await complete(zk, 'getA'), [['getAcl ', 'getAllChildrenNumber '], 'getA']);
    assert.deepEqual(await complete(zk, 'get x'), [[], 'x']);
    assert.ok((await complete(zk, '/'))[0].includes('/zookeeper'));
  });
});

test('lines are split into words', () => {
  assert.deepEqual(splitLine('create /a "two words" \'and "three" more\''), [
    'create',
    '/a',
    'two words',
    'and "three" more',
  ]);
  assert.deepEqual(splitLine('  ls   /  '), ['ls', '/']);
  assert.deepEqual(splitLine('set /a ""'), ['set', '/a', '']);
  assert.deepEqual(splitLine("set /a it's"), ['set', '/a', "it's"]);
});

test('options may stand anywhere', () => {
  const parsed = parseWords(['-sw', '/a', '-v', '5', '--', '-x'], { s: false, w: false, v: true });
  assert.deepEqual(parsed.words, ['/a', '-x']);
  assert.deepEqual(
    [parsed.has('s'), parsed.has('w'), parsed.value('v'), parsed.has('x')],
    [true, true, '5', false],
  );
  assert.equal(parseWords(['-v5'], { v: true }).value('v'), '5');
  assert.equal(parseWords(['-v', '-1'], { v: true }).value('v'), '-1');
  assert.throws(
    () => parseWords(['-z'], { s: false }),
    /UnrecognizedOptionException: Unrecognized option: -z/,
  );
  assert.throws(() => parseWords(['-v', '-s'], { s: false, v: true }), /Missing argument for option: v/);
});

test('paths are refused in the words of Apache', () => {
  assert.equal(pathProblemText('/good'), null);
  assert.equal(pathProblemText(''), 'Path length must be > 0');
  assert.equal(pathProblemText('a'), 'Path must start with / character');
  assert.equal(pathProblemText('/a/'), 'Path must not end with / character');
  assert.equal(
    pathProblemText('/a//b'),
    'Invalid path string "/a//b" caused by empty node name specified @3',
  );
  assert.equal(
    pathProblemText('/a/./b'),
    'Invalid path string "/a/./b" caused by relative paths not allowed @3',
  );
  assert.equal(
    pathProblemText('/a/..'),
    'Invalid path string "/a/.." caused by relative paths not allowed @4',
  );
  assert.equal(pathProblemText('/a\u0001'), 'Invalid path string "/a\u0001" caused by invalid character @2');
});

test('a configuration as clients need it', () => {
  const text = 'server.1=10.0.0.1:2888:3888:participant;2181\nserver.2=h:1:2;0.0.0.0:2182\nversion=100000000';
  assert.equal(clientConfig(text), '10.0.0.1:2181,0.0.0.0:2182 100000000');
  assert.equal(clientConfig(''), ' ');
});

test('a hex dump', () => {
  const dump = hexDump(Uint8Array.from({ length: 18 }, (_, i) => 0x30 + i));
  assert.equal(
    dump,
    [
      '         +-------------------------------------------------+',
      '         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |',
      '+--------+-------------------------------------------------+----------------+',
      '|00000000| 30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f |0123456789:;<=>?|',
      '|00000010| 40 41                                           |@A              |',
      '+--------+-------------------------------------------------+----------------+',
    ].join('\n'),
  );
});

test('help is not asked of a server', async () => {
  for (const word of ['-h', '-help', '--help']) {
    const { output, code } = await runCommand(process.execPath, [entry, word]);
    assert.match(output, /^zkCli\.sh \[-server host:port/);
    assert.equal(code, 0);
  }
});
