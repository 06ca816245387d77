import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPidFile } from '../../src/cli/pid-file.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { freePort } from '../support/server-process.ts';

// bin/zkServer.sh in a directory laid out like the project: bin, conf, and dist pointing at what was built.

const builtDirectory = fileURLToPath(new URL('../../', import.meta.url));

function projectFile(path: string): string {
  let directory = builtDirectory;
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return join(directory, path);
}

class Installation {
  readonly root: string;
  readonly port: number;
  readonly config: string;
  readonly pidFile: string;

  constructor(root: string, port: number) {
    this.root = root;
    this.port = port;
    this.config = join(root, 'conf/zoo.cfg');
    this.pidFile = join(root, 'data/zookeeper_server.pid');
    for (const directory of ['bin', 'conf']) mkdirSync(join(root, directory));
    copyFileSync(projectFile('bin/zkServer.sh'), join(root, 'bin/zkServer.sh'));
    symlinkSync(builtDirectory, join(root, 'dist'));
    this.configure();
  }

  /** Writes conf/zoo.cfg, as people do, with stray blanks and CRLF. */
  configure(...lines: string[]): void {
    const all = [
      '# mine',
      `dataDir = ${this.root}/data `,
      `clientPort : ${this.port}`,
      'clientPortAddress=127.0.0.1',
      ...lines,
    ];
    writeFileSync(this.config, `${all.join('\r\n')}\r\n`);
  }

  run(args: readonly string[], env: Record<string, string> = {}) {
    return spawnSync(join(this.root, 'bin/zkServer.sh'), args, {
      encoding: 'utf8',
      cwd: this.root,
      env: { PATH: process.env.PATH, HOME: this.root, USER: 'tester', ...env },
      timeout: 60_000,
    });
  }

  get pid(): number {
    return Number(readFileSync(this.pidFile, 'latin1'));
  }

  /** Stops what runs and removes everything. */
  dispose(): void {
    this.run(['stop']);
    rmSync(this.root, { recursive: true, force: true });
  }
}

async function withInstallation(use: (installation: Installation) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'menagerie-script-'));
  const installation = new Installation(root, await freePort());
  try {
    await use(installation);
  } finally {
    installation.dispose();
  }
}

test("a member's client port is that of its own server line", () =>
  withInstallation(async (installation) => {
    const lines = [1, 2, 3].map((sid) => `server.${sid}=host${sid}:2888:3888;127.0.0.1:${sid}`);
    writeFileSync(installation.config, `dataDir=${installation.root}/data\n${lines.join('\n')}\n`);
    const foundBy = (myid: string) => {
      mkdirSync(join(installation.root, 'data'), { recursive: true });
      writeFileSync(join(installation.root, 'data/myid'), myid);
      return installation.run(['status']).stdout.split('.', 1)[0];
    };
    assert.equal(foundBy('2\n'), 'Client port found: 2');
    assert.equal(foundBy('1'), 'Client port found: 1');
  }));

test('start, status, start again, restart, stop, stop again', () =>
  withInstallation(async (installation) => {
    const found = `Client port found: ${installation.port}. Client address: 127.0.0.1. Client SSL: false.\n`;
    const notYet = installation.run(['status']);
    assert.equal(notYet.status, 1);
    assert.equal(notYet.stderr, `Using config: ${installation.config}\n`);
    assert.equal(notYet.stdout, `${found}Error contacting service. It is probably not running.\n`);

    const started = installation.run(['start']);
    assert.equal(started.stdout, 'Starting zookeeper ... STARTED\n', started.stderr);
    assert.equal(started.stderr, `Using config: ${installation.config}\n`);
    assert.equal(started.status, 0);
    // It serves already, without any waiting.
    assert.match(await fourLetterWord(installation.port, 'srvr'), /^Mode: standalone$/m);
    const { pid } = installation;
    process.kill(pid, 0);
    const [log] = readdirSync(join(installation.root, 'logs'));
    assert.match(log, /^zookeeper-tester-server-.*\.out$/);
    assert.match(readFileSync(join(installation.root, 'logs', log), 'utf8'), /serves clients on port/);

    const status = installation.run(['status']);
    assert.equal(status.stdout, `${found}Mode: standalone\n`);
    assert.equal(status.status, 0);

    const again = installation.run(['start']);
    assert.equal(again.stdout, `Starting zookeeper ... already running as process ${pid}.\n`);
    assert.equal(again.status, 1);
    assert.equal(installation.pid, pid);

    const restarted = installation.run(['restart']);
    assert.equal(
      restarted.stdout,
      'Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n',
      restarted.stderr,
    );
    assert.equal(restarted.status, 0);
    assert.notEqual(installation.pid, pid);
    // Where nobody reaps orphans it stays as a zombie, which the pid file's reader takes for gone.
    writeFileSync(join(installation.root, 'old.pid'), String(pid));
    assert.equal(readPidFile(join(installation.root, 'old.pid')), null);
    assert.equal(readPidFile(installation.pidFile), installation.pid);

    const stopped = installation.run(['stop']);
    assert.equal(stopped.stdout, 'Stopping zookeeper ... STOPPED\n');
    assert.equal(stopped.status, 0);
    await assert.rejects(fourLetterWord(installation.port, 'srvr'), /ECONNREFUSED/);

    const stoppedAgain = installation.run(['stop']);
    assert.equal(
      stoppedAgain.stdout,
      `Stopping zookeeper ... no zookeeper to stop (could not find file ${installation.pidFile})\n`,
    );
    assert.equal(stoppedAgain.status, 0);
  }));

test('start says why it failed', () =>
  withInstallation(async (installation) => {
    installation.configure('tickTime=abc');
    const bad = installation.run(['start']);
    assert.equal(bad.status, 1);
    assert.match(
      bad.stdout,
      /^Starting zookeeper \.\.\. FAILED TO START\n.*zoo\.cfg:5: tickTime=abc: must be a whole number of milliseconds .*\n\(output: .*\.out\)\n$/,
    );
    assert.equal(existsSync(installation.pidFile), false);
    rmSync(installation.config);
    const missing = installation.run(['start']);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /conf\/zoo\.cfg: cannot be read: ENOENT/);
  }));

test('a pid file whose process is some other program', () =>
  withInstallation(async (installation) => {
    mkdirSync(join(installation.root, 'data'));
    writeFileSync(installation.pidFile, '1');
    const stop = installation.run(['stop']);
    assert.equal(stop.status, 0);
    assert.match(stop.stdout, /no zookeeper to stop \(the process that .* names does not run\)\n$/);
    writeFileSync(installation.pidFile, '1');
    assert.equal(installation.run(['start']).stdout, 'Starting zookeeper ... STARTED\n');
    assert.notEqual(installation.pid, 1);
  }));

test('SERVER_JVMFLAGS, java.env, ZOOPIDFILE, ZOO_LOG_DIR', () =>
  withInstallation(async (installation) => {
    const { root, port } = installation;
    writeFileSync(
      join(root, 'conf/java.env'),
      'export SERVER_JVMFLAGS="$SERVER_JVMFLAGS -Dzookeeper.maxCnxns=77"\n',
    );
    const env = {
      SERVER_JVMFLAGS: '-Xmx1g -Dzookeeper.4lw.commands.whitelist=* -XX:+UseG1GC',
      ZOOPIDFILE: join(root, 'run/zk.pid'),
      ZOO_LOG_DIR: join(root, 'log'),
      ZK_SERVER_HEAP: '2000',
    };
    const printed = installation.run(['print-cmd'], env);
    assert.equal(printed.status, 0);
    assert.match(
      printed.stdout,
      /start-foreground" "-Dzookeeper\.4lw\.commands\.whitelist=\*" "-Dzookeeper\.maxCnxns=77" ".*zoo\.cfg" > ".*\/log\/zookeeper-tester-server-.*\.out" 2>&1 < \/dev\/null\n$/,
    );
    assert.equal(installation.run(['start'], env).stdout, 'Starting zookeeper ... STARTED\n');
    try {
      assert.equal(await fourLetterWord(port, 'ruok'), 'imok');
      assert.match(readFileSync(join(root, 'run/zk.pid'), 'latin1'), /^\d+$/);
      assert.equal(existsSync(join(root, 'logs')), false);
    } finally {
      assert.equal(installation.run(['stop'], env).stdout, 'Stopping zookeeper ... STOPPED\n');
    }
  }));

test('the configuration is searched as Apache does', () =>
  withInstallation(async (installation) => {
    const { root } = installation;
    mkdirSync(join(root, 'other'));
    for (const name of ['conf/mine.cfg', 'other/zoo.cfg', 'other/mine.cfg', 'here.cfg']) {
      writeFileSync(join(root, name), `clientPort=1\ndataDir=${root}/data\n`);
    }
    const using = (args: string[], env = {}) => installation.run(args, env).stderr.split('\n', 1)[0];
    const cases: readonly (readonly [args: string[], env: Record<string, string>, expected: string])[] = [
      [['status'], {}, join(root, 'conf/zoo.cfg')],
      [['status', 'mine.cfg'], {}, join(root, 'conf/mine.cfg')],
      [['status', './here.cfg'], {}, './here.cfg'],
      [['status', 'here.cfg'], {}, 'here.cfg'],
      [['status', join(root, 'here.cfg')], {}, join(root, 'here.cfg')],
      [['--config', join(root, 'other'), 'status'], {}, join(root, 'other/zoo.cfg')],
      [['--config', join(root, 'other'), 'status', 'mine.cfg'], {}, join(root, 'other/mine.cfg')],
      [['status'], { ZOOCFGDIR: join(root, 'other') }, join(root, 'other/zoo.cfg')],
      [['status'], { ZOOCFG: 'mine.cfg' }, join(root, 'conf/mine.cfg')],
      [['status'], { ZOOCFGDIR: join(root, 'other'), ZOOCFG: 'mine.cfg' }, join(root, 'other/mine.cfg')],
    ];
    for (const [args, env, expected] of cases) {
      assert.equal(using(args, env), `Using config: ${expected}`, `${args.join(' ')} ${JSON.stringify(env)}`);
    }
  }));

test('usage, version, and a project that is not built', () =>
  withInstallation(async (installation) => {
    const usage =
      /^Usage: .*zkServer\.sh \[--config <conf-dir>\] \{start\|start-foreground\|stop\|version\|restart\|status\|check\|print-cmd\}/;
    const wrong = installation.run(['strat']);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, usage);
    const help = installation.run(['--help']);
    assert.equal(help.status, 0);
    assert.match(help.stdout, usage);
    const version = installation.run(['version']);
    assert.equal(version.status, 0);
    assert.match(version.stdout, /Apache ZooKeeper, version 3\.9\.5\n$/);
    rmSync(join(installation.root, 'dist'));
    const missing = installation.run(['start']);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /dist is missing: run 'npm ci && npm run build'/);
  }));
