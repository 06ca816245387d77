import { readFile } from 'node:fs/promises';
import { readServerVersion } from '../../server/version.ts';
import { command } from './command.ts';
import { ShellError } from './shell-error.ts';
import { statText } from './stat-text.ts';

/** What a client needs of a configuration: `host:port,host:port version`. */
export function clientConfig(text: string): string {
  const clients: string[] = [];
  let version = '';
  for (const line of text.split('\n')) {
    const server = /^server\.\d+=([^;]*);(.*)$/.exec(line.trim());
    if (server !== null) {
      const host = server[1].startsWith('[')
        ? server[1].slice(0, server[1].indexOf(']') + 1)
        : server[1].split(':', 1)[0];
      clients.push(server[2].includes(':') ? server[2] : `${host}:${server[2]}`);
    }
    const match = /^version=(.*)$/.exec(line.trim());
    if (match !== null) version = match[1];
  }
  return `${clients.join(',')} ${version}`;
}

const reconfigUsage =
  '[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | ' +
  '[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]';

export const ensembleCommands = [
  command('config', '[-c] [-w] [-s]', { c: false, w: false, s: false }, 0, async (shell, parsed) => {
    const { data, stat } = await shell.zk.getConfig(parsed.has('w') ? { watch: shell.watcher } : {});
    const text = data === null ? 'null' : Buffer.from(data).toString('utf8');
    shell.out(parsed.has('c') ? clientConfig(text) : text);
    if (parsed.has('s')) shell.out(statText(stat));
  }),

  command(
    'reconfig',
    reconfigUsage,
    { s: false, v: true, file: true, members: true, add: true, remove: true },
    0,
    async (shell, parsed) => {
      const isWhole = parsed.has('file') || parsed.has('members');
      const isStep = parsed.has('add') || parsed.has('remove');
      if (!isWhole && !isStep) throw new ShellError(`reconfig ${reconfigUsage}`);
      if (isWhole && isStep)
        throw new ShellError(
          "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental modes is not allowed)",
        );
      if (parsed.has('file') && parsed.has('members'))
        throw new ShellError("Can't use -file and -members together (conflicting non-incremental modes)");
      const version = parsed.value('v');
      if (version !== undefined && !/^[0-9a-fA-F]{1,16}$/.test(version))
        throw new ShellError('-v must be followed by a long (configuration version)');
      const file = parsed.value('file');
      const { data, stat } = await shell.zk.reconfig({
        joining: parsed.value('add')?.toLowerCase(),
        leaving: parsed.value('remove')?.toLowerCase(),
        members: file === undefined ? parsed.value('members')?.toLowerCase() : await membersOf(file),
        fromConfig: version === undefined ? undefined : BigInt(`0x${version}`),
      });
      shell.out(`Committed new configuration:\n${Buffer.from(data ?? []).toString('utf8')}`);
      if (parsed.has('s')) shell.out(statText(stat));
    },
  ),

  command('version', '', {}, 0, async (shell, { words }) => {
    if (words.length > 0) throw new ShellError('version ');
    const { full, built } = readServerVersion();
    shell.out(`ZooKeeper CLI version: ${full}, built on ${built}`);
  }),
];

/** The server lines of a configuration file. */
async function membersOf(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // The way in which Apache's puts it together.
    const reason = code === 'ENOENT' ? `${file} (No such file or directory)` : `: ${message}`;
    throw new ShellError(`Error processing ${file}${reason}`);
  }
  const lines = text.split('\n').map((line) => line.trim());
  const members = lines.filter((line) => /^(server|group|weight)\.\d+=/.test(line));
  if (members.length === 0) throw new ShellError(`Error processing ${file}: it has no server lines`);
  return members.join('\n');
}
