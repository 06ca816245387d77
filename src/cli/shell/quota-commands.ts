import { NodeExistsError, NoNodeError, type ZooKeeper } from '../../client/index.ts';
import { QuotaText } from '../../txn/quota-text.ts';
import { command, dataOf } from './command.ts';
import { type ParsedWords, parseError, wholeNumber } from './command-line.ts';
import { ShellError } from './shell-error.ts';

const ROOT = '/zookeeper/quota';
const LIMITS = 'zookeeper_limits';
const STATS = 'zookeeper_stats';

/** The kinds of limits: their options, in the order in which Apache names them, and their keys in the znode's text. */
const kinds = [
  ['n', 'count', 'num soft quota'],
  ['b', 'bytes', 'bytes soft quota'],
  ['N', 'countHardLimit', 'num hard quota'],
  ['B', 'byteHardLimit', 'bytes hard quota'],
] as const;

/** The one limit that the options name, or null. */
function chosen(given: readonly string[], parsed: ParsedWords): (typeof kinds)[number] | null {
  const named = kinds.filter(([option]) => parsed.has(option));
  if (named.length <= 1) return named[0] ?? null;
  const order = given.flatMap((word) => kinds.filter(([option]) => word === `-${option}`));
  const message = `The option '${order[1]?.[0]}' was specified but an option from this group has already been selected: '${order[0]?.[0]}'`;
  throw parseError('AlreadySelectedException', message);
}

async function textOf(zk: ZooKeeper, path: string): Promise<QuotaText> {
  const { data } = await zk.getData(path);
  return new QuotaText(Buffer.from(data ?? []).toString('utf8'));
}

/** Nested quotas are refused: the nearest would hide the other. */
async function refuseNested(zk: ZooKeeper, path: string): Promise<void> {
  const own = ROOT + path;
  try {
    for (const each of await zk.listRecursive(own)) {
      const holder = each.slice(0, -LIMITS.length - 1);
      if (each.endsWith(`/${LIMITS}`) && holder !== own)
        throw new ShellError(`${path} has a child ${holder.slice(ROOT.length)} which has a quota`);
    }
  } catch (error) {
    if (!(error instanceof NoNodeError)) throw error;
  }
  let at = '';
  for (const part of path.split('/').slice(1, -1)) {
    at += `/${part}`;
    if ((await zk.exists(`${ROOT}${at}/${LIMITS}`)) !== null)
      throw new ShellError(`${path} has a parent ${at} which has a quota`);
  }
}

async function setQuota(zk: ZooKeeper, path: string, key: string, value: number): Promise<void> {
  if ((await zk.exists(path)) === null) throw new ShellError(`${path} does not exist.`);
  await refuseNested(zk, path);
  await zk.ensurePath(ROOT + path);
  const limits = `${ROOT}${path}/${LIMITS}`;
  const fresh = new QuotaText('count=-1,bytes=-1');
  fresh.setValue(key, value);
  try {
    await zk.create(limits, dataOf(fresh.toString()));
    await zk.create(`${ROOT}${path}/${STATS}`, dataOf('count=0,bytes=0'));
  } catch (error) {
    if (!(error instanceof NodeExistsError)) throw error;
    const text = await textOf(zk, limits);
    text.setValue(key, value);
    await zk.setData(limits, dataOf(text.toString()));
  }
}

/** Takes the quota's znodes away, and those above that served nothing else. */
async function deleteQuota(zk: ZooKeeper, path: string): Promise<void> {
  const own = ROOT + path;
  for (const name of await zk.getChildren(own)) await zk.delete(`${own}/${name}`);
  for (let at = own; at !== ROOT; at = at.slice(0, at.lastIndexOf('/'))) {
    if ((await zk.getChildren(at)).length > 0) return;
    await zk.delete(at);
  }
}

const setOptions = { n: true, b: true, N: true, B: true };
const deleteOptions = { n: false, b: false, N: false, B: false };

export const quotaCommands = [
  command('setquota', '-n|-b|-N|-B val path', setOptions, 0, async (shell, parsed) => {
    const kind = chosen(parsed.given, parsed);
    if (kind === null) {
      const list = kinds.map(([option, , text]) => `-${option} ${text}`).join(', ');
      throw parseError('MissingOptionException', `Missing required option: [${list}]`);
    }
    const [path] = parsed.words;
    if (path === undefined) throw new ShellError('setquota -n|-b|-N|-B val path');
    if (path.startsWith(ROOT)) {
      shell.err(`cannot set a quota under the path: ${ROOT}`);
      return;
    }
    await setQuota(shell.zk, path, kind[1], wholeNumber(parsed.value(kind[0]) ?? ''));
  }),

  command('listquota', 'path', {}, 1, async (shell, { words }) => {
    const [path] = words;
    shell.out(`absolute path is ${ROOT}${path}/${LIMITS}`);
    try {
      shell.out(`Output quota for ${path} ${await textOf(shell.zk, `${ROOT}${path}/${LIMITS}`)}`);
      shell.out(`Output stat for ${path} ${await textOf(shell.zk, `${ROOT}${path}/${STATS}`)}`);
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      shell.err(`quota for ${path} does not exist.`);
    }
  }),

  command('delquota', '[-n|-b|-N|-B] path', deleteOptions, 1, async (shell, parsed) => {
    const kind = chosen(parsed.given, parsed);
    const [path] = parsed.words;
    const limits = `${ROOT}${path}/${LIMITS}`;
    if ((await shell.zk.exists(limits)) === null) {
      shell.out(`Quota does not exist for ${path}`);
      return;
    }
    if (kind === null) {
      await deleteQuota(shell.zk, path);
      return;
    }
    const text = await textOf(shell.zk, limits);
    text.setValue(kind[1], -1);
    await shell.zk.setData(limits, dataOf(text.toString()));
  }),
];
