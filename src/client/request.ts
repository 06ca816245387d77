// Hot path: one Request is made per call.

import { setMaxListeners } from 'node:events';
import type { JuteReader } from '../jute/reader.ts';
import type { Acl } from '../protocol/acl.ts';
import type { ZooKeeperError } from './errors.ts';
import type { OutputBuffer } from './output-buffer.ts';
import type { WatchListener } from './watch-event.ts';

/** Limits of one call. */
export interface CallOptions {
  /** Ends the wait; what becomes of the request is told by the error's `outcome`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the call may take, waiting for a connection included; 0: no limit. If not given, the client's `requestTimeoutMs`
   * holds, for each request of a call that sends several (deleteRecursive and the like).
   */
  readonly timeoutMs?: number | undefined;
}

/** Which table a one-shot watch goes into when the read succeeds. */
export type WatchKind = 'data' | 'exists' | 'children';

/** How one kind of request is written and its reply read. */
export interface Operation<T> {
  /** The opcode. */
  readonly type: number;
  /** The client's name for it, which errors tell. */
  readonly name: string;
  readonly watchKind?: WatchKind;
  /** exists: NONODE is an answer, not an error. */
  readonly missingIsNull?: boolean;
  write(output: OutputBuffer, request: Request): void;
  /** Throws JuteError for a reply that is too short, ZooKeeperError for one that tells of a failure (multi). */
  read(reader: JuteReader, request: Request): T;
}

/** Where a request is on its way. */
export type RequestState = 'waiting' | 'sent' | 'settled';

/** One call: what is asked, who waits for it, and until when. */
export class Request {
  readonly operation: Operation<unknown>;
  /** As the caller wrote it: for errors. */
  readonly path: string | undefined;
  /** With the chroot. */
  readonly serverPath: string;
  /** Taken off the paths in the reply; empty for none. */
  readonly chroot: string;
  /** Why it must not be sent at all. */
  refusal: ZooKeeperError | null = null;
  data: Uint8Array | null = null;
  acls: readonly Acl[] | null = null;
  /** A version, a create's flags, or a mode, as the operation has it. */
  number = -1;
  ttlMs = -1;
  listener: WatchListener | null = null;
  /** Takes the listener back. */
  watchSignal: AbortSignal | null = null;
  xid = 0;
  state: RequestState = 'waiting';
  /** By the monotonic clock; infinite for none. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** Not after the request left the process, by the monotonic clock. */
  sentAtMs = 0;
  #resolve: ((value: unknown) => void) | null = null;
  #reject: ((error: unknown) => void) | null = null;
  #signal: AbortSignal | null = null;
  #onAbort: (() => void) | null = null;

  constructor(operation: Operation<unknown>, path: string | undefined, serverPath: string, chroot: string) {
    this.operation = operation;
    this.path = path;
    this.serverPath = serverPath;
    this.chroot = chroot;
  }

  /** Who is told of the end. */
  setWaiter(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Calls `onAbort` when `signal` fires before the request is settled. */
  listenTo(signal: AbortSignal, onAbort: () => void): void {
    this.#signal = signal;
    this.#onAbort = onAbort;
    // One signal for many calls is no leak: each takes its listener away when it is settled.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', onAbort, { once: true });
  }

  resolve(value: unknown): void {
    if (this.state === 'settled') return;
    this.#settle();
    this.#resolve?.(value);
    this.#release();
  }

  reject(error: unknown): void {
    if (this.state === 'settled') return;
    this.#settle();
    this.#reject?.(error);
    this.#release();
  }

  #settle(): void {
    this.state = 'settled';
    if (this.#onAbort !== null) this.#signal?.removeEventListener('abort', this.#onAbort);
  }

  // A request whose caller has given up may wait long for its reply: it must not keep what the caller gave.
  #release(): void {
    this.#resolve = null;
    this.#reject = null;
    this.#signal = null;
    this.#onAbort = null;
    this.data = null;
    this.acls = null;
    this.listener = null;
    this.watchSignal = null;
  }
}
