import { setTimeout as delay } from 'node:timers/promises';
import {
  ConnectionLossError,
  NodeExistsError,
  NoNodeError,
  NotReadOnlyError,
  OverloadedError,
  ThrottledError,
  TimeoutError,
} from '../errors.ts';
import { orAborted, throwIfAborted } from '../limits.ts';
import type { CallOptions } from '../request.ts';
import type { ReadOptions, ZooKeeper } from '../zookeeper.ts';

/** Limits of a recipe's call: `timeoutMs` is for all of it; without one it takes as long as it takes. */
export type WaitOptions = CallOptions;

/** The options of a read that leaves a watch. */
export type WatchRequest = Required<Pick<ReadOptions, 'watch' | 'watchSignal'>>;

/** How long a call waits before it is repeated that the client or the server was too busy for, or that needs a writable server. */
const PAUSE_MS = 50;

/**
 * Repeats what does no harm when it is done twice until an answer comes: through lost connections, time limits of single
 * requests, overload, and servers that are read-only for now. It ends with the session (SessionExpiredError, ClosedError) and
 * with `signal`.
 */
export async function repeated<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    throwIfAborted(signal);
    try {
      return await orAborted(call(), signal);
    } catch (error) {
      if (isPassing(error)) await orAborted(delay(PAUSE_MS), signal);
      else if (!(error instanceof ConnectionLossError || error instanceof TimeoutError)) throw error;
    }
  }
}

/** Whether nothing was done, and nothing is wrong that time does not mend. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof OverloadedError || error instanceof ThrottledError || error instanceof NotReadOnlyError
  );
}

/**
 * Sets a one-shot watch with `look` and waits for it, unless `look` says that there is nothing to wait for. Any event ends
 * the wait, that of the session's end too: the caller looks again. No listener is left behind, however it ends.
 */
export async function awaitEvent(
  look: (watching: WatchRequest) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  let fire = () => {};
  const happened = new Promise<void>((resolve) => {
    fire = resolve;
  });
  signal.addEventListener('abort', fire);
  try {
    if (await repeated(() => look({ watch: fire, watchSignal: over.signal }), signal)) await happened;
    throwIfAborted(signal);
  } finally {
    over.abort();
    signal.removeEventListener('abort', fire);
  }
}

/** Waits until a znode is gone. */
export async function awaitDeletion(client: ZooKeeper, path: string, signal: AbortSignal): Promise<void> {
  for (let isThere = true; isThere; ) {
    await awaitEvent(async (watching) => {
      isThere = await watchIfThere(client, path, watching);
      return isThere;
    }, signal);
  }
}

/**
 * Watches a znode if there is one. Not with exists: that would leave a watch on a path that may never be used again, here and
 * at the server.
 */
export async function watchIfThere(
  client: ZooKeeper,
  path: string,
  watching: WatchRequest,
): Promise<boolean> {
  try {
    await client.getData(path, watching);
    return true;
  } catch (error) {
    if (error instanceof NoNodeError) return false;
    throw error;
  }
}

/** Creates a znode, or finds that it is there. */
export async function createIfMissing(
  client: ZooKeeper,
  path: string,
  data: Uint8Array = new Uint8Array(0),
): Promise<void> {
  try {
    await client.create(path, data);
  } catch (error) {
    if (!(error instanceof NodeExistsError)) throw error;
  }
}

/** Deletes a znode, or finds that it is gone, also through lost connections. */
export async function deleteIfThere(client: ZooKeeper, path: string, signal?: AbortSignal): Promise<void> {
  try {
    await repeated(() => client.delete(path), signal);
  } catch (error) {
    if (!(error instanceof NoNodeError)) throw error;
  }
}
