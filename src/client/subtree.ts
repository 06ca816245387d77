import { ConnectionLossError, NoAuthError, NodeExistsError, NoNodeError, NotEmptyError } from './errors.ts';
import { childPath } from './paths.ts';
import type { CallOptions } from './request.ts';
import type { CreateOptions, ZooKeeper } from './zookeeper.ts';

/** How many deletions go into one transaction, as in Apache's deleteall. */
const BATCH_SIZE = 1000;
/** Keeps a transaction far below the servers' limit of a frame. */
const BATCH_CHARACTERS = 256 * 1024;
/** How many listings are under way at once. */
const LISTINGS_MAX = 256;

/** Creates what is missing of a path. It does no harm to call it again when a connection broke. */
export async function ensurePath(client: ZooKeeper, path: string, options: CreateOptions): Promise<void> {
  if (path === '/' || (await isThere(client, path, options))) return;
  const slash = path.lastIndexOf('/');
  if (slash > 0) await ensurePath(client, path.slice(0, slash), options);
  try {
    await client.create(path, new Uint8Array(0), { ...options, mode: 'persistent' });
  } catch (error) {
    if (!(error instanceof NodeExistsError)) throw error;
  }
}

async function isThere(
  client: ZooKeeper,
  path: string,
  { signal, timeoutMs }: CallOptions,
): Promise<boolean> {
  try {
    return (await client.exists(path, { signal, timeoutMs })) !== null;
  } catch (error) {
    // A znode that we may not look at is one all the same.
    if (error instanceof NoAuthError) return true;
    throw error;
  }
}

/** The paths of a subtree, parents before children, siblings in order. Rejects with NoNodeError if there is no root of it. */
export async function listSubtree(client: ZooKeeper, root: string, options: CallOptions): Promise<string[]> {
  const children = new Map<string, string[]>();
  let level = [root];
  while (level.length > 0) {
    const next: string[] = [];
    for (let at = 0; at < level.length; at += LISTINGS_MAX) {
      const part = level.slice(at, at + LISTINGS_MAX);
      const listed = await Promise.all(part.map((path) => listOrNone(client, path, path === root, options)));
      for (const [i, names] of listed.entries()) {
        const paths = names.sort().map((name) => childPath(part[i], name));
        children.set(part[i], paths);
        for (const path of paths) next.push(path);
      }
    }
    level = next;
  }
  return inOrder(root, children);
}

async function listOrNone(
  client: ZooKeeper,
  path: string,
  isRoot: boolean,
  options: CallOptions,
): Promise<string[]> {
  try {
    return await client.getChildren(path, options);
  } catch (error) {
    // Deleted since its parent was listed.
    if (error instanceof NoNodeError && !isRoot) return [];
    throw error;
  }
}

function inOrder(root: string, children: ReadonlyMap<string, readonly string[]>): string[] {
  const result: string[] = [];
  const stack = [root];
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    result.push(path);
    const under = children.get(path) ?? [];
    for (let i = under.length - 1; i >= 0; i--) stack.push(under[i]);
  }
  return result;
}

/** Deletes a subtree, children first, until it is gone; gives how many znodes it deleted. Rejects with NoNodeError if there is none. */
export async function deleteSubtree(
  client: ZooKeeper,
  root: string,
  batchSize: number | undefined,
  options: CallOptions,
): Promise<number> {
  let deleted = 0;
  for (let round = 0; ; round++) {
    let paths: string[];
    try {
      paths = await listSubtree(client, root, options);
    } catch (error) {
      if (error instanceof NoNodeError && round > 0) return deleted;
      throw error;
    }
    const doomed = paths.reverse().filter((path) => path !== '/' && !isServersOwn(path, client.chroot));
    for (const batch of batches(doomed, batchSize ?? BATCH_SIZE)) {
      deleted += await deleteBatch(client, batch, options);
    }
    // Only what others added meanwhile is left, if anything.
    if (root === '/') return deleted;
    if ((await client.exists(root, options)) === null) return deleted;
  }
}

function isServersOwn(path: string, chroot: string): boolean {
  return chroot === '' && (path === '/zookeeper' || path.startsWith('/zookeeper/'));
}

function* batches(paths: readonly string[], size: number): Generator<string[]> {
  let batch: string[] = [];
  let characters = 0;
  for (const path of paths) {
    if (batch.length > 0 && (batch.length >= size || characters + path.length > BATCH_CHARACTERS)) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(path);
    characters += path.length;
  }
  if (batch.length > 0) yield batch;
}

async function deleteBatch(
  client: ZooKeeper,
  batch: readonly string[],
  options: CallOptions,
): Promise<number> {
  const transaction = client.transaction();
  for (const path of batch) transaction.delete(path);
  try {
    await transaction.commit(options);
    return batch.length;
  } catch (error) {
    if (error instanceof ConnectionLossError) throw error;
    if (!isOvertaken(error)) throw error;
  }
  // Somebody was quicker with one of them: one by one, so that the others go all the same.
  const results = await Promise.allSettled(batch.map((path) => client.delete(path, -1, options)));
  let deleted = 0;
  for (const result of results) {
    if (result.status === 'fulfilled') deleted++;
    else if (!isOvertaken(result.reason)) throw result.reason;
  }
  return deleted;
}

function isOvertaken(error: unknown): boolean {
  return error instanceof NoNodeError || error instanceof NotEmptyError;
}
