import { setMaxListeners } from 'node:events';
import { ErrorCode } from '../protocol/error-code.ts';
import { AbortError, TimeoutError } from './errors.ts';
import type { CallOptions } from './request.ts';

/**
 * Runs what consists of several requests with a signal that fires for the caller's own and for the time limit of the whole. It
 * rejects with AbortError or TimeoutError then, if `work` heeds the signal.
 */
export async function withinLimits<T>(
  operation: string,
  path: string | undefined,
  { signal, timeoutMs = 0 }: CallOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  // One for each of its requests.
  setMaxListeners(0, controller.signal);
  const onAbort = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted === true) onAbort();
  const onTimeout = () => {
    const reason = `not within ${timeoutMs} ms`;
    controller.abort(new TimeoutError(ErrorCode.OPERATIONTIMEOUT, reason, { operation, path }));
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

/** The options of one request of several: the limit of the whole, where there is one, takes the place of one for each. */
export function optionsOfPart({ timeoutMs }: CallOptions, signal: AbortSignal): CallOptions {
  return { signal, timeoutMs: timeoutMs === undefined ? undefined : 0 };
}

/** Waits no longer than until `signal` fires; the call itself goes on, and its end is nobody's business then. */
export async function orAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await call;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortErrorOf(signal));
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
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
