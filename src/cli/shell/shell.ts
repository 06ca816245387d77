import { BadArgumentsError, ConnectError, type WatchEvent, ZooKeeper } from '../../client/index.ts';
import { splitLine } from './command-line.ts';
import { commands } from './commands.ts';
import { pathProblemText } from './path-problem-text.ts';
import { describeError, ShellError } from './shell-error.ts';

/** A server that cannot be reached is complained of after this. */
const CONNECT_PATIENCE_MS = 10_000;

export interface ShellOptions {
  readonly server: string;
  readonly timeoutMs: number;
  readonly canBeReadOnly: boolean;
}

/** Where a shell writes. */
export interface ShellOutput {
  out(text: string): void;
  err(text: string): void;
}

/** Commands that the shell itself answers, with their usage. */
const ownCommands: Readonly<Record<string, string>> = {
  connect: 'host:port',
  history: '',
  printwatches: 'on|off',
  quit: '',
  redo: 'cmdno',
};

/** Apache's zkCli: one session at a time, commands as lines, watch events printed as they come. */
export class Shell {
  readonly #options: ShellOptions;
  readonly #output: ShellOutput;
  readonly #history: string[] = [];
  #zk: ZooKeeper;
  #server: string;
  #printsWatches = true;
  #lastEvent: WatchEvent | null = null;
  /** The exit code: that of the last command. */
  exitCode = 0;
  /** Set by quit. */
  isOver = false;

  /** Begins to connect. Throws BadArgumentsError for a server that cannot be one. */
  constructor(options: ShellOptions, output: ShellOutput) {
    this.#options = options;
    this.#output = output;
    this.#server = options.server;
    this.#zk = this.#open(options.server);
  }

  get zk(): ZooKeeper {
    return this.#zk;
  }

  out(line: string): void {
    this.#output.out(`${line}\n`);
  }

  err(line: string): void {
    this.#output.err(`${line}\n`);
  }

  get prompt(): string {
    return `[zk: ${this.#server}(${this.#stateName()}) ${this.#history.length}] `;
  }

  #stateName(): string {
    switch (this.#zk.state) {
      case 'connecting':
      case 'suspended':
        return 'CONNECTING';
      case 'connected':
        return 'CONNECTED';
      case 'readOnly':
        return 'CONNECTEDREADONLY';
      case 'authFailed':
        return 'AUTH_FAILED';
      case 'expired':
      case 'closed':
        return 'CLOSED';
    }
  }

  /** All commands, in order. */
  static get commandNames(): string[] {
    return [...Object.keys(ownCommands), ...commands.keys()].sort();
  }

  #open(server: string): ZooKeeper {
    const zk = new ZooKeeper(server, {
      sessionTimeoutMs: this.#options.timeoutMs,
      canBeReadOnly: this.#options.canBeReadOnly,
    });
    const tell = (state: WatchEvent['state']) => () =>
      this.#print({ type: 'None', state, path: '', zxid: null });
    zk.on('connected', tell('SyncConnected'));
    zk.on('readOnly', tell('ConnectedReadOnly'));
    zk.on('suspended', tell('Disconnected'));
    zk.on('expired', tell('Expired'));
    zk.on('closed', tell('Closed'));
    zk.on('authFailed', tell('AuthFailed'));
    return zk;
  }

  /** The listener of all watches. What several of them hear of one event is printed once; the session's state is told elsewhere. */
  readonly watcher = (event: WatchEvent): void => {
    if (event.type === 'None' || event === this.#lastEvent) return;
    this.#lastEvent = event;
    this.#print(event);
  };

  #print({ type, state, path, zxid }: WatchEvent): void {
    if (!this.#printsWatches) return;
    const where = path === '' ? 'null' : path;
    const text = `WatchedEvent state:${state} type:${type} path:${where} zxid: ${zxid ?? -1n}`;
    this.#output.out(`\nWATCHER::\n\n${text}\n`);
  }

  /** Carries out a line as it was typed. Never throws. */
  async executeLine(line: string): Promise<void> {
    if (line === '') return;
    this.#history.push(line);
    const words = splitLine(line);
    // A line of blanks repeats nothing and is no command either.
    if (words.length > 0) await this.execute(words);
  }

  /** Carries out a command. Never throws: what goes wrong is printed and tells the exit code. */
  async execute(words: readonly string[]): Promise<void> {
    try {
      await this.#process(words);
      this.exitCode = 0;
    } catch (error) {
      this.exitCode = error instanceof ShellError ? error.exitCode : 1;
      this.err(this.#message(error));
    }
  }

  #message(error: unknown): string {
    if (error instanceof BadArgumentsError && error.outcome === 'not-sent')
      return pathProblemText(error.path ?? '') ?? describeError(error);
    return describeError(error);
  }

  async #process(words: readonly string[]): Promise<void> {
    const [name, ...given] = words;
    const command = commands.get(name);
    if (command === undefined && !Object.hasOwn(ownCommands, name)) {
      this.usage();
      throw new ShellError(`Command not found: Command not found ${name}`, 127);
    }
    if (command === undefined) {
      await this.#processOwn(name, given);
      return;
    }
    if (name !== 'version' && !(await this.#isAlive(given))) return;
    await command.run(this, given);
  }

  async #processOwn(name: string, given: readonly string[]): Promise<void> {
    switch (name) {
      case 'quit':
        this.isOver = true;
        await this.#zk.close();
        break;
      case 'connect':
        await this.#connect(given[0] ?? this.#server);
        break;
      case 'history':
        this.#printHistory();
        break;
      case 'printwatches':
        if (given.length === 0) this.out(`printwatches is ${this.#printsWatches ? 'on' : 'off'}`);
        else this.#printsWatches = given[0] === 'on';
        break;
      case 'redo':
        await this.#redo(given[0]);
        break;
    }
  }

  async #connect(server: string): Promise<void> {
    const next = this.#open(server);
    await this.#zk.close();
    this.#zk = next;
    this.#server = server;
  }

  #printHistory(): void {
    const own = this.#history.length - 1;
    for (let i = Math.max(0, own - 10); i <= own; i++) this.out(`${i} - ${this.#history[i]}`);
  }

  async #redo(word: string | undefined): Promise<void> {
    // As in Apache's: nothing is done again, in silence.
    if (word === undefined) return;
    const own = this.#history.length - 1;
    const index = /^\d+$/.test(word) ? Number(word) : -1;
    if (index < 0 || index >= own) throw new ShellError('Command index out of range');
    const line = this.#history[index];
    const words = splitLine(line);
    if (words[0] === 'redo') throw new ShellError('No redoing redos');
    this.#history[own] = line;
    await this.#process(words);
  }

  /** Whether the session can be asked; waits for its connection. */
  async #isAlive(given: readonly string[]): Promise<boolean> {
    if (['expired', 'closed', 'authFailed'].includes(this.#zk.state)) {
      this.out('Not connected');
      return false;
    }
    try {
      await this.#zk.connected({ timeoutMs: Math.min(this.#options.timeoutMs, CONNECT_PATIENCE_MS) });
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      const path = given.find((word) => word.startsWith('/'));
      const reasons = error.failures.map((failure) => `\n  ${failure}`).join('');
      throw new ShellError(
        `KeeperErrorCode = ConnectionLoss${path === undefined ? '' : ` for ${path}`}${reasons}`,
      );
    }
    return true;
  }

  usage(): void {
    this.err('ZooKeeper -server host:port -client-configuration properties-file cmd args');
    for (const name of Shell.commandNames)
      this.err(`\t${name} ${commands.get(name)?.usage ?? ownCommands[name]}`);
  }

  close(): Promise<void> {
    return this.#zk.close();
  }

  /** Ends the session in silence, where Apache's command line just ends. */
  leave(): Promise<void> {
    this.#printsWatches = false;
    return this.#zk.close();
  }
}
