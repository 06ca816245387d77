import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Property } from '../server/properties.ts';

const PATIENCE_MS = 5000;

/**
 * Asks the server of a zoo.cfg how it is and gives the exit code: 0 when it serves. Prints what Apache's zkServer.sh
 * prints. The file need not be one that a server would start with.
 */
export async function status(properties: readonly Property[]): Promise<number> {
  const settingOf = (key: string) =>
    properties.findLast((property) => property.key.trim() === key)?.value.trim();
  const serverLine = ownServerLine(properties, settingOf('dataDir') ?? '');
  const lineMatch = /;\s*(?:(\[[^\]]+\]|[^:]+):)?(\d+)\s*$/.exec(serverLine ?? '');
  const port = Number(settingOf('clientPort') ?? lineMatch?.[2] ?? Number.NaN);
  const address = (settingOf('clientPortAddress') ?? lineMatch?.[1] ?? 'localhost').replace(/^\[|\]$/g, '');
  if (!(port > 0 && port < 65_536)) {
    process.stdout.write(
      'Unable to find either secure or unsecure client port in any configs. Terminating.\n',
    );
    return 1;
  }
  process.stdout.write(`Client port found: ${port}. Client address: ${address}. Client SSL: false.\n`);
  const mode = /^Mode: .*$/m.exec(await askServer(address, port).catch(() => ''));
  process.stdout.write(`${mode?.[0] ?? 'Error contacting service. It is probably not running.'}\n`);
  return mode === null ? 1 : 0;
}

/** The server line of this server, which myid tells apart from the others of an ensemble; the last one where it does not. */
function ownServerLine(properties: readonly Property[], dataDir: string): string | undefined {
  const lines = properties.filter(({ key }) => /^\s*server\.\d+\s*$/.test(key));
  let myid = Number.NaN;
  try {
    myid = Number.parseInt(readFileSync(join(dataDir, 'myid'), 'latin1'), 10);
  } catch {
    // A standalone server has none.
  }
  const own = lines.findLast(({ key }) => Number(key.trim().slice('server.'.length)) === myid);
  return (own ?? lines.at(-1))?.value;
}

function askServer(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port }, () => socket.write('srvr'));
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), PATIENCE_MS);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}
