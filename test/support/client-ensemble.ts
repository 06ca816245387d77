import { after, before, describe } from 'node:test';
import { EnsembleProcesses } from './ensemble-processes.ts';
import { apacheMissing, type ServerKind, type ServerProcess } from './server-process.ts';

export interface ClientEnsembleOptions {
  /** Lines added to every zoo.cfg. */
  readonly config?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Three servers in one ensemble, as a test of the client uses them. */
export class ClientEnsemble {
  readonly kind: ServerKind;
  readonly #processes: EnsembleProcesses;

  private constructor(kind: ServerKind, processes: EnsembleProcesses) {
    this.kind = kind;
    this.#processes = processes;
  }

  /** Starts it; all servers serve when this resolves. */
  static async start(kind: ServerKind, { config, env = {} }: ClientEnsembleOptions): Promise<ClientEnsemble> {
    const options = { voters: 3, kind: () => kind, config: config ?? [], env: () => env };
    return new ClientEnsemble(kind, await EnsembleProcesses.start(options));
  }

  get servers(): ServerProcess[] {
    return this.#processes.sids.map((sid) => this.#processes.server(sid));
  }

  /** All servers, as in a connect string. */
  get address(): string {
    return this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  /** Waits until there is a leader. */
  async leader(): Promise<ServerProcess> {
    const find = async () => {
      for (const sid of this.#processes.sids) {
        if (this.#processes.server(sid).isRunning && (await this.#processes.mode(sid)) === 'leader')
          return sid;
      }
      return null;
    };
    return this.#processes.server(await this.#processes.until('there is a leader', find, 60_000));
  }

  /** Waits until all servers serve. */
  async settled(): Promise<void> {
    await this.#processes.settled();
  }

  /** The server that a client is connected to. */
  serverOf(remoteAddress: string | null): ServerProcess {
    const server = this.servers.find(({ port }) => remoteAddress === `127.0.0.1:${port}`);
    if (server === undefined) throw new Error(`no server at ${remoteAddress}`);
    return server;
  }

  /** Starts a killed server again, and waits until all serve. */
  async restart(...servers: readonly ServerProcess[]): Promise<void> {
    for (const server of servers) server.launch();
    await this.settled();
  }

  async dispose(): Promise<void> {
    await this.#processes.dispose();
  }
}

/** Declares the same tests for an ensemble of ours, and for one of Apache's where Debian's package is installed. */
export function onBothEnsembles(
  theme: string,
  options: ClientEnsembleOptions,
  declare: (ensemble: () => ClientEnsemble) => void,
): void {
  for (const kind of ['menagerie', 'apache'] as const) {
    const skip = kind === 'apache' ? (apacheMissing() ?? false) : false;
    describe(`${theme} (${kind})`, { skip, timeout: 300_000 }, () => {
      let ensemble: ClientEnsemble | null = null;
      before(async () => {
        ensemble = await ClientEnsemble.start(kind, options);
      });
      declare(() => {
        if (ensemble === null) throw new Error('the servers are started before the tests');
        return ensemble;
      });
      after(async () => await ensemble?.dispose());
    });
  }
}
