#!/usr/bin/env node
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { SERVER_NODE_OPTIONS } from './node-options.ts';

// An ensemble for newcomers: several servers on this machine, each with a zoo.cfg and a data directory of its own, as on
// machines of their own.

interface Options {
  readonly servers: number;
  readonly basePort: number;
  readonly dir: string;
  readonly fresh: boolean;
}

/** What one server needs to be told apart from the others of this machine. */
interface Member {
  readonly sid: number;
  readonly directory: string;
  readonly configFile: string;
  readonly clientPort: number;
}

const SERVERS_MAX = 9;
const PORTS_PER_SERVER = 10;
/** Until a server that was asked to end is killed. */
const STOP_MS_MAX = 5000;

const program = new Command('ensemble')
  .description('run an ensemble of servers on this machine, for trying things out; Ctrl-C stops it')
  .option('--servers <n>', `how many servers, 1 to ${SERVERS_MAX}`, wholeNumber(1, SERVERS_MAX), 3)
  .option(
    '--base-port <port>',
    `client port of the first server; each next server has ${PORTS_PER_SERVER} more, the ports between servers are one and two above`,
    wholeNumber(1, 65_535 - SERVERS_MAX * PORTS_PER_SERVER),
    2181,
  )
  .option('--dir <directory>', 'where configuration and data are; kept from run to run', 'data/ensemble')
  .option('--fresh', 'begin with empty data', false)
  .action((options: Options) => run(options));

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}`);
  };
}

function clientPort(options: Options, sid: number): number {
  return options.basePort + (sid - 1) * PORTS_PER_SERVER;
}

/** Writes the files of one server, as its operator would. */
function prepare(options: Options, sid: number): Member {
  const directory = resolve(options.dir, `server-${sid}`);
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, 'myid'), `${sid}\n`);
  const lines = [
    ...['tickTime=2000', 'initLimit=10', 'syncLimit=5'],
    `dataDir=${dataDir}`,
    `clientPort=${clientPort(options, sid)}`,
    '4lw.commands.whitelist=*',
  ];
  for (let other = 1; other <= options.servers; other++) {
    const port = clientPort(options, other);
    lines.push(`server.${other}=127.0.0.1:${port + 1}:${port + 2}`);
  }
  const configFile = join(directory, 'zoo.cfg');
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  return { sid, directory, configFile, clientPort: clientPort(options, sid) };
}

function start(member: Member): ChildProcess {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'zk-server.js');
  const child = spawn(
    process.execPath,
    [...SERVER_NODE_OPTIONS, script, 'start-foreground', member.configFile],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C reaches this process alone, which then stops the servers.
      detached: true,
    },
  );
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => say(`[server ${member.sid}] ${line}`));
  }
  return child;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function run(options: Options): Promise<void> {
  if (options.fresh && existsSync(options.dir)) rmSync(options.dir, { recursive: true });
  const members: Member[] = [];
  for (let sid = 1; sid <= options.servers; sid++) members.push(prepare(options, sid));
  say(`${members.length} servers; files are kept (begin anew with --fresh):`);
  for (const { sid, configFile, clientPort: port } of members) {
    say(`  server ${sid}: client port ${port}, configuration ${configFile}`);
  }
  const hosts = members.map((member) => `127.0.0.1:${member.clientPort}`).join(',');
  say(`connect to ${hosts}; Ctrl-C stops all, "kill" of one shows what an ensemble is for`);
  const children = new Map(members.map((member) => [member, start(member)]));
  // Ctrl-C comes twice where npm hands it on beside the terminal; a server that is told twice ends at once, and not cleanly.
  let isStopping = false;
  const exits = [...children].map(([member, child]) => ended(member, child, () => isStopping));
  const stopAll = (): void => {
    if (isStopping) return;
    isStopping = true;
    for (const child of children.values()) stop(child);
  };
  process.on('SIGINT', stopAll);
  process.on('SIGTERM', stopAll);
  const codes = await Promise.all(exits);
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
}

/** Gives the exit code. A server that was stopped before it could listen to signals has ended as it was asked to. */
function ended(member: Member, child: ChildProcess, isStopping: () => boolean): Promise<number> {
  return new Promise((done) => {
    child.once('exit', (code, signal) => {
      const how = code === null ? `was killed by ${signal}` : `has ended with exit code ${code}`;
      const again = `start it again with: bin/zkServer.sh start-foreground ${member.configFile}`;
      say(`[server ${member.sid}] ${how}${code === 0 || isStopping() ? '' : `; ${again}`}`);
      done(code ?? (isStopping() && signal === 'SIGTERM' ? 0 : 1));
    });
  });
}

function stop(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX).unref();
}

await program.parseAsync();
