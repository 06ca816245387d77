#!/usr/bin/env node
import { createInterface, type Interface } from 'node:readline';
import { BadArgumentsError, ConnectError } from '../client/index.ts';
import { complete } from './shell/completion.ts';
import { Shell, type ShellOptions } from './shell/shell.ts';

// The command behind bin/zkCli.sh: `-server host:port[,…][/chroot] -timeout ms -r -waitforconnection [command…]`.

interface CliOptions extends ShellOptions {
  readonly waitsForConnection: boolean;
  /** What stands behind the options; empty for the interactive mode. */
  readonly command: readonly string[];
}

const HELP = new Set(['-h', '-help', '--help']);
const USAGE = `zkCli.sh [-server host:port[,host:port...][/chroot]] [-timeout ms] [-r] [-waitforconnection] [command...]

  -server             servers to choose from, and the path that stands for / (default localhost:2181)
  -timeout            session timeout in milliseconds (default 30000)
  -r                  a server without a quorum, which only reads, is good enough
  -waitforconnection  do nothing before there is a connection
  command             is carried out instead of asking for commands; 'help' lists them
`;

/** Reads the command line. Gives what is wrong with it as a text. */
function parseOptions(words: readonly string[]): CliOptions | string {
  const values = { '-server': 'localhost:2181', '-timeout': '30000', '-client-configuration': '' };
  let [canBeReadOnly, waitsForConnection, at] = [false, false, 0];
  for (; at < words.length && words[at].startsWith('-'); at++) {
    const word = words[at];
    if (word === '-r') canBeReadOnly = true;
    else if (word === '-waitforconnection') waitsForConnection = true;
    else if (word === '-server' || word === '-timeout' || word === '-client-configuration') {
      const value = words[++at];
      if (value === undefined) return `Error: no argument found for option ${word}`;
      values[word] = value;
    } else return `Error: unknown option ${word}`;
  }
  const timeoutMs = Number(values['-timeout']);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 0x7fffffff)
    return `Error: -timeout takes milliseconds, not '${values['-timeout']}'`;
  if (values['-client-configuration'] !== '')
    process.stderr.write('-client-configuration: TLS and SASL are not supported yet, the file is not read\n');
  return {
    server: values['-server'],
    timeoutMs,
    canBeReadOnly,
    waitsForConnection,
    command: words.slice(at),
  };
}

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  if (HELP.has(words[0])) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = parseOptions(words);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n`);
    return 2;
  }
  let terminal: Interface | null = null;
  let isAsking = false;
  let shell: Shell | null = null;
  const write = (stream: NodeJS.WriteStream, text: string) => {
    stream.write(text);
    // An event came while a line is being typed: the line is shown again below it.
    if (terminal === null || !isAsking) return;
    terminal.setPrompt(shell?.prompt ?? '');
    terminal.prompt(true);
  };
  process.stdout.write(`Connecting to ${options.server}\n`);
  try {
    shell = new Shell(options, {
      out: (text) => write(process.stdout, text),
      err: (text) => write(process.stderr, text),
    });
  } catch (error) {
    if (!(error instanceof BadArgumentsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  try {
    if (options.waitsForConnection) await shell.zk.connected({ timeoutMs: options.timeoutMs });
    if (options.command.length > 0) {
      await shell.execute(options.command);
      return shell.exitCode;
    }
    process.stdout.write('Welcome to ZooKeeper!\n');
    const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
    process.stdout.write(`JLine support is ${isTerminal ? 'enabled' : 'disabled'}\n`);
    terminal = createInterface({
      input: process.stdin,
      ...(isTerminal ? { output: process.stdout, completer: completerOf(() => shell) } : {}),
      historySize: 1000,
      removeHistoryDuplicates: true,
    });
    // Without a terminal there is nothing to show again.
    const asking = (asks: boolean) => {
      isAsking = isTerminal && asks;
    };
    await converse(shell, terminal, isTerminal, asking);
    return shell.exitCode;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    terminal?.close();
    await shell.leave();
  }
}

/** Reads and carries out lines until there are no more, or quit. */
async function converse(
  shell: Shell,
  terminal: Interface,
  isTerminal: boolean,
  asking: (asks: boolean) => void,
): Promise<void> {
  const ask = () => {
    if (!isTerminal) return;
    terminal.setPrompt(shell.prompt);
    terminal.prompt();
    asking(true);
  };
  ask();
  for await (const line of terminal) {
    asking(false);
    await shell.executeLine(line);
    if (shell.isOver) return;
    ask();
  }
  // Ctrl-D and Ctrl-C leave the cursor behind the prompt.
  if (isTerminal) process.stdout.write('\n');
}

function completerOf(shell: () => Shell) {
  return (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
    complete(shell().zk, line).then(
      (result) => done(null, result),
      () => done(null, [[], line]),
    );
  };
}

process.exitCode = await main();
