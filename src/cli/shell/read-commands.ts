import { NoNodeError, type ReadOptions, TimeoutError } from '../../client/index.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { permissionText } from './acl-text.ts';
import { command } from './command.ts';
import type { ParsedWords } from './command-line.ts';
import { hexDump } from './hex-dump.ts';
import type { Shell } from './shell.ts';
import { statText } from './stat-text.ts';

/** -w; or, in the way of older releases, any word behind the path. */
function readOptions(shell: Shell, name: string, better: string, parsed: ParsedWords): ReadOptions {
  const isOldWay = parsed.words.length > 1;
  if (isOldWay) shell.err(`'${name} path [watch]' has been deprecated. Please use '${better}' instead.`);
  return isOldWay || parsed.has('w') ? { watch: shell.watcher } : {};
}

export const readCommands = [
  command('ls', '[-s] [-w] [-R] path', { s: false, w: false, R: false }, 1, async (shell, parsed) => {
    const [path] = parsed.words;
    const options = readOptions(shell, 'ls', 'ls [-w] path', parsed);
    if (parsed.has('R')) {
      for (const each of await shell.zk.listRecursive(path)) {
        shell.out(each);
        if (options.watch !== undefined) await shell.zk.getChildren(each, options);
      }
      return;
    }
    if (parsed.has('s')) {
      const { children, stat } = await shell.zk.getChildrenWithStat(path, options);
      shell.out(`[${children.sort().join(', ')}]`);
      shell.out(statText(stat));
    } else {
      const children = await shell.zk.getChildren(path, options);
      shell.out(`[${children.sort().join(', ')}]`);
    }
  }),

  command(
    'get',
    '[-s] [-w] [-b] [-x] path',
    { s: false, w: false, b: false, x: false },
    1,
    async (shell, parsed) => {
      const [path] = parsed.words;
      const options = readOptions(shell, 'get', 'get [-s] [-w] path', parsed);
      const { data, stat } = await shell.zk.getData(path, options);
      const bytes = data === null ? Buffer.from('null') : Buffer.from(data);
      if (parsed.has('b')) shell.out(bytes.toString('base64'));
      else if (parsed.has('x')) shell.out(hexDump(bytes));
      else shell.out(bytes.toString('utf8'));
      if (parsed.has('s')) shell.out(statText(stat));
    },
  ),

  command('stat', '[-w] path', { w: false }, 1, async (shell, parsed) => {
    const [path] = parsed.words;
    const stat = await shell.zk.exists(path, readOptions(shell, 'stat', 'stat [-w] path', parsed));
    if (stat === null) throw new NoNodeError(ErrorCode.NONODE, 'the znode does not exist', { path });
    shell.out(statText(stat));
  }),

  command('getAcl', '[-s] path', { s: false }, 1, async (shell, parsed) => {
    const { acls, stat } = await shell.zk.getAcl(parsed.words[0]);
    for (const { permissions, scheme, id } of acls) {
      shell.out(`'${scheme},'${id}`);
      shell.out(`: ${permissionText(permissions)}`);
    }
    if (parsed.has('s')) shell.out(statText(stat));
  }),

  command('getAllChildrenNumber', 'path', {}, 1, async (shell, { words }) => {
    shell.out(String(await shell.zk.getAllChildrenNumber(words[0])));
  }),

  command('getEphemerals', 'path', {}, 0, async (shell, { words }) => {
    shell.out(`[${(await shell.zk.getEphemerals(words[0] ?? '/')).join(', ')}]`);
  }),

  command('sync', 'path', {}, 1, async (shell, { words }) => {
    try {
      await shell.zk.sync(words[0]);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      shell.out('Sync is timeout within 30000 ms');
      return;
    }
    shell.out('Sync is OK');
  }),

  command('whoami', '', {}, 0, async (shell) => {
    shell.out('Auth scheme: User');
    for (const { scheme, user } of await shell.zk.whoAmI()) shell.out(`${scheme}: ${user}`);
  }),
];
