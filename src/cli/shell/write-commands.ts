import {
  type Acl,
  BadArgumentsError,
  type CreateMode,
  InvalidAclError,
  ZooKeeperError,
} from '../../client/index.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { parseAcls } from './acl-text.ts';
import { command, dataOf } from './command.ts';
import { type ParsedWords, wholeNumber } from './command-line.ts';
import type { Shell } from './shell.ts';
import { keeperErrorText, ShellError } from './shell-error.ts';
import { statText } from './stat-text.ts';

function createMode(parsed: ParsedWords): CreateMode {
  const [e, s, c, t] = ['e', 's', 'c', 't'].map((option) => parsed.has(option));
  if (c && (e || s))
    throw new ShellError(
      '-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.',
    );
  if (t && e) throw new ShellError('TTLs cannot be used with Ephemeral znodes');
  if (t && c) throw new ShellError('TTLs cannot be used with Container znodes');
  if (t) return s ? 'persistentSequentialWithTtl' : 'persistentWithTtl';
  if (c) return 'container';
  if (e) return s ? 'ephemeralSequential' : 'ephemeral';
  return s ? 'persistentSequential' : 'persistent';
}

/** The ACLs of a word. Apache complains of an empty list without naming the path. */
function aclsOf(shell: Shell, word: string): Acl[] {
  const acls = parseAcls(word, (line) => shell.err(line));
  if (acls.length === 0) throw new InvalidAclError(ErrorCode.INVALIDACL, 'the ACL is empty');
  return acls;
}

export const writeCommands = [
  command(
    'create',
    '[-s] [-e] [-c] [-t ttl] path [data] [acl]',
    { s: false, e: false, c: false, t: true },
    1,
    async (shell, parsed) => {
      const [path, data, acl] = parsed.words;
      const ttl = parsed.value('t');
      const ttlMs = ttl === undefined ? undefined : wholeNumber(ttl, '-t argument must be a long value');
      const mode = createMode(parsed);
      try {
        const acls = acl === undefined ? undefined : aclsOf(shell, acl);
        const made = await shell.zk.create(path, data === undefined ? null : dataOf(data), {
          mode,
          acls,
          ttlMs,
        });
        shell.err(`Created ${made}`);
      } catch (error) {
        if (error instanceof BadArgumentsError && ttlMs !== undefined && /ttlMs/.test(error.message))
          throw new ShellError('ttl must be positive and cannot be larger than: 1099511627775');
        // Apache's create says these twice.
        if (error instanceof InvalidAclError) shell.err(keeperErrorText(error));
        if (error instanceof ZooKeeperError && error.code === ErrorCode.EPHEMERALONLOCALSESSION)
          shell.err('Unable to create ephemeral node on a local session');
        throw error;
      }
    },
  ),

  command(
    'set',
    '[-s] [-v version] [-b] path data',
    { s: false, v: true, b: false },
    2,
    async (shell, parsed) => {
      // As in Apache's, a version behind the data, the way of old releases, is not looked at.
      const [path, word] = parsed.words;
      const version = wholeNumber(parsed.value('v') ?? '-1');
      const data = parsed.has('b') ? decodeBase64(word) : dataOf(word);
      const stat = await shell.zk.setData(path, data, version);
      if (parsed.has('s')) shell.out(statText(stat));
    },
  ),

  command('delete', '[-v version] path', { v: true }, 1, async (shell, parsed) => {
    const [path, oldWay] = parsed.words;
    // As in Apache's, which complains of it and does not look at it.
    if (oldWay !== undefined)
      shell.err(
        "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.",
      );
    await shell.zk.delete(path, wholeNumber(parsed.value('v') ?? '-1'));
  }),

  command('deleteall', 'path [-b batch size]', { b: true }, 1, async (shell, parsed) => {
    const batchSize = wholeNumber(parsed.value('b') ?? '1000', '-b argument must be an int value');
    if (batchSize < 1) throw new ShellError('-b argument must be an int value');
    const [path] = parsed.words;
    // The server does not give all of it away: as in Apache's nothing is deleted.
    if (path === '/' && shell.zk.chroot === '') shell.err('Failed to delete some node(s) in the subtree!');
    else await shell.zk.deleteRecursive(path, { batchSize });
  }),

  command(
    'setAcl',
    '[-s] [-v version] [-R] path acl',
    { s: false, v: true, R: false },
    2,
    async (shell, parsed) => {
      const [path, word] = parsed.words;
      const version = wholeNumber(parsed.value('v') ?? '-1');
      const acls = aclsOf(shell, word);
      const paths = parsed.has('R') ? await shell.zk.listRecursive(path) : [path];
      for (const each of paths) {
        const stat = await shell.zk.setAcl(each, acls, version);
        if (parsed.has('s')) shell.out(statText(stat));
      }
    },
  ),

  command('addauth', 'scheme auth', {}, 1, async (shell, { words }) => {
    await shell.zk.addAuth(words[0], words[1] ?? '');
  }),

  command('close', '', {}, 0, async (shell) => {
    await shell.close();
  }),
];

function decodeBase64(word: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(word) || word.replace(/=+$/, '').length % 4 === 1)
    throw new ShellError(`'${word}' is not base64`);
  return Buffer.from(word, 'base64');
}
