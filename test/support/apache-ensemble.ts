import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './client-servers.ts';
import { fourLetterWord } from './four-letter-word.ts';
import { freePort, ServerProcess } from './server-process.ts';

/** Three Apache servers in one ensemble, on loopback; each can be killed and started again. */
export class ApacheEnsemble {
  readonly servers: readonly ServerProcess[];

  private constructor(servers: readonly ServerProcess[]) {
    this.servers = servers;
  }

  /** Starts it; it has a leader when this resolves. Ask apacheMissing first. */
  static async start(
    size = 3,
    config: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ApacheEnsemble> {
    const ports = await Promise.all(Array.from({ length: size * 2 }, () => freePort()));
    const members = Array.from(
      { length: size },
      (_, i) => `server.${i + 1}=127.0.0.1:${ports[2 * i]}:${ports[2 * i + 1]}`,
    );
    const servers: ServerProcess[] = [];
    for (let i = 0; i < size; i++) {
      const server = await ServerProcess.prepare('apache', {
        config: ['tickTime=500', 'initLimit=20', 'syncLimit=10', ...members, ...config],
        env,
      });
      await mkdir(server.dataDir, { recursive: true });
      await writeFile(join(server.dataDir, 'myid'), `${i + 1}\n`);
      servers.push(server);
    }
    const ensemble = new ApacheEnsemble(servers);
    try {
      await Promise.all(servers.map((server) => server.start()));
      await until('the ensemble has a leader', async () => (await ensemble.leader()) !== null, 60_000);
    } catch (error) {
      await ensemble.dispose();
      throw error;
    }
    return ensemble;
  }

  /** All servers, as in a connect string. */
  get address(): string {
    return this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  /** The server that leads, or null. */
  async leader(): Promise<ServerProcess | null> {
    for (const server of this.servers) {
      if (!server.isRunning) continue;
      const answer = await fourLetterWord(server.port, 'srvr', 1000).catch(() => '');
      if (answer.includes('Mode: leader')) return server;
    }
    return null;
  }

  /** The server that a client is connected to. */
  serverOf(remoteAddress: string | null): ServerProcess {
    const server = this.servers.find(({ port }) => remoteAddress === `127.0.0.1:${port}`);
    if (server === undefined) throw new Error(`no server at ${remoteAddress}`);
    return server;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.dispose()));
  }
}
