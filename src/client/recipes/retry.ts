import { ErrorCode } from '../../protocol/error-code.ts';
import { AbortError, ConnectionLossError, NodeExistsError, NoNodeError, TimeoutError } from '../errors.ts';
import type { CallOptions } from '../request.ts';
import type { ZooKeeper } from '../zookeeper.ts';

/** Limits of a recipe's wait. */
export type WaitOptions = CallOptions;

/**
 * Repeats what does no harm when it is done twice until an answer comes: through lost connections and time limits of single
 * requests. It ends with the session (SessionExpiredError, ClosedError) and with `signal`.
 */
export async function repeated<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    throwIfAborted(signal);
    try {
      return await (signal === undefined ? call() : orAborted(call(), signal));
    } catch (error) {
      if (!(error instanceof ConnectionLossError || error instanceof TimeoutError)) throw error;
    }
  }
}

/** Waits no longer than until `signal` fires; the call itself goes on, and its end is nobody's business then. */
async function orAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new AbortError(0, 'aborted', { cause: signal.reason }));
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([call, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/** Throws {@link abortErrorOf} if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortErrorOf(signal);
}

/** The error for a signal that fired: a TimeoutError if it was a time limit. */
export function abortErrorOf(signal: AbortSignal): Error {
  if (signal.reason instanceof TimeoutError) return signal.reason;
  return new AbortError(0, 'aborted', { cause: signal.reason });
}

/** Runs `work` with a signal that fires for the caller's own and for the time limit. */
export async function withinLimits<T>(
  what: string,
  path: string,
  { signal, timeoutMs = 0 }: WaitOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  const onTimeout = () => {
    const reason = `not within ${timeoutMs} ms`;
    controller.abort(new TimeoutError(ErrorCode.OPERATIONTIMEOUT, reason, { operation: what, path }));
  };
  const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;
  try {
    throwIfAborted(controller.signal);
    return await work(controller.signal);
  } catch (error) {
    // Whichever request the limit happened to end, the caller is told of the limit.
    if (error instanceof AbortError && controller.signal.aborted) throw abortErrorOf(controller.signal);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Sets a one-shot watch with `look` and waits for it, unless `look` says that there is nothing to wait for. Any event ends
 * the wait, that of the session's end too: the caller looks again.
 */
export async function awaitEvent(
  look: (watch: () => void) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const controller = new AbortController();
  const happened = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve());
  });
  const fire = () => controller.abort();
  signal.addEventListener('abort', fire);
  try {
    if (await repeated(() => look(fire), signal)) await happened;
    throwIfAborted(signal);
  } finally {
    signal.removeEventListener('abort', fire);
  }
}

/** Waits until a znode is gone. */
export async function awaitDeletion(client: ZooKeeper, path: string, signal: AbortSignal): Promise<void> {
  for (let isThere = true; isThere; ) {
    await awaitEvent(async (watch) => {
      isThere = await watchIfThere(client, path, watch, signal);
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
  watch: () => void,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    await client.getData(path, { watch, signal });
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
