import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const JARS = '/usr/share/java';
const CLASSPATH = [
  'zookeeper',
  'zookeeper-jute',
  'slf4j-api',
  'slf4j-nop',
  'commons-cli',
  'commons-io',
  'snappy-java',
  'metrics-core',
  'netty-common',
  'netty-handler',
]
  .map((name) => path.join(JARS, `${name}.jar`))
  .join(':');
const PATIENCE_MS = 60_000;
const ENVIRONMENT = { ...process.env, NODE_TEST_CONTEXT: undefined, TZ: 'UTC', LC_ALL: 'C.UTF-8' };

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly nodeOptions?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function run(program: string, args: readonly string[], options: RunOptions): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input: options.input ?? '',
    encoding: 'utf8',
    env: { ...ENVIRONMENT, ...options.env },
    cwd: options.cwd,
    timeout: PATIENCE_MS,
    maxBuffer: 512 << 20,
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}

/** Runs one of our commands, such as `zk-txn-log-toolkit`. */
export function tool(name: string, args: readonly string[], options: RunOptions = {}): Outcome {
  const file = fileURLToPath(new URL(`../../../src/cli/${name}.js`, import.meta.url));
  return run(process.execPath, [...(options.nodeOptions ?? []), file, ...args], options);
}

/** Runs a script of bin. */
export function script(name: string, args: readonly string[], options: RunOptions = {}): Outcome {
  let root = path.dirname(fileURLToPath(import.meta.url));
  while (!fs.existsSync(path.join(root, 'package.json'))) root = path.dirname(root);
  return run(path.join(root, 'bin', name), args, options);
}

/** Runs a tool of Apache's, such as `persistence.TxnLogToolkit`. */
export function apache(mainClass: string, args: readonly string[], options: RunOptions = {}): Outcome {
  const java = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];
  const locale = ['-Duser.language=en', '-Duser.country=US', '-Dfile.encoding=UTF-8'];
  const words = [...java, ...locale, '-cp', CLASSPATH, `org.apache.zookeeper.server.${mainClass}`, ...args];
  return run('java', words, options);
}

/** Why there is nothing to compare with, false when there is. */
export function apacheToolsMissing(): string | false {
  if (!fs.existsSync(path.join(JARS, 'zookeeper.jar'))) return 'needs the Debian package zookeeper';
  return spawnSync('java', ['-version']).status === 0 ? false : 'needs java';
}

/** All files below a directory with length, time and content, and the directories: to tell whether anything was changed. */
export function picture(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const { mtimeMs, ctimeMs, size, mode, ino } = fs.lstatSync(file);
    const content = entry.isFile() ? fs.readFileSync(file).toString('latin1') : '';
    found[file] = JSON.stringify([mtimeMs, ctimeMs, size, mode, ino, content]);
  }
  const { mtimeMs, ctimeMs } = fs.statSync(directory);
  found['.'] = JSON.stringify([mtimeMs, ctimeMs]);
  return found;
}
