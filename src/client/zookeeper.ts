import { EventEmitter } from 'node:events';
import { ErrorCode } from '../protocol/error-code.ts';
import { WatcherType } from '../protocol/opcode.ts';
import { type Acl, aclProblem, openAcl } from './acls.ts';
import { parseConnectString } from './connect-string.ts';
import { type CreateMode, createFlags, hasTtl, isSequential, TTL_MS_MAX } from './create-mode.ts';
import {
  AbortError,
  BadArgumentsError,
  ConnectError,
  InvalidAclError,
  InvalidPathError,
  NoWatcherError,
  ZooKeeperError,
} from './errors.ts';
import { optionsOfPart, withinLimits } from './limits.ts';
import type {
  AclAndStat,
  ChildrenAndStat,
  ClientIdentity,
  DataAndStat,
  PathAndStat,
  Reconfiguration,
} from './operations.ts';
import * as operations from './operations.ts';
import { pathProblem, withChroot } from './paths.ts';
import { PersistentWatch } from './persistent-watch.ts';
import { type CallOptions, type Operation, Request } from './request.ts';
import { Session } from './session.ts';
import { isFinal, isServed, type SessionState } from './session-state.ts';
import type { Stat } from './stat.ts';
import { deleteSubtree, ensurePath, listSubtree } from './subtree.ts';
import { MultiRead, type Sender, Transaction } from './transaction.ts';
import { TreeCache, type TreeCacheOptions } from './tree-cache.ts';
import { tell, type WatchEvent, type WatchEventType, type WatchListener } from './watch-event.ts';
import { type RemovalKind, type WatchMode, watchModes } from './watch-registry.ts';

const CONNECT_TIMEOUT_MS = 15_000;
const CONFIG_PATH = '/zookeeper/config';

export interface ClientOptions {
  /** How long the servers keep the session without a sign of life; they clamp it. Default 30,000. */
  readonly sessionTimeoutMs?: number;
  /** The time limit of calls that name none; 0 for none. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** How many requests are sent before the first is answered. Default 1,000, which is what a server takes. */
  readonly requestsInFlightMax?: number;
  /** How many more may wait for a connection or for room. Default 100,000. */
  readonly requestsWaitingMax?: number;
  /** Whether a server without a quorum will do, for reads. Default false. */
  readonly canBeReadOnly?: boolean;
  /** The servers' `jute.maxbuffer`: larger requests are refused here. Default 1,048,575. */
  readonly requestBytesMax?: number;
  /** Larger replies end the connection. Default 64 MiB. */
  readonly replyBytesMax?: number;
  /** To take up a session that another client left behind. */
  readonly session?: { readonly id: bigint; readonly password: Uint8Array };
}

/** Options of a read that can leave a one-shot watch behind. */
export interface ReadOptions extends CallOptions {
  /** Called once, with the first change after this read; over reconnects too. And, at the latest, when the session ends. */
  readonly watch?: WatchListener | undefined;
  /** Takes the watch back when it fires: nobody is called any more, though the server may still send the event. */
  readonly watchSignal?: AbortSignal | undefined;
}

export interface CreateOptions extends CallOptions {
  /** Default `persistent`. */
  readonly mode?: CreateMode | undefined;
  /** Default: everybody may do everything. */
  readonly acls?: readonly Acl[] | undefined;
  /** For the modes with TTL: how long the znode lives without children and changes. */
  readonly ttlMs?: number | undefined;
}

export interface WatchOptions extends CallOptions {
  /** `recursive`: the whole subtree, but without NodeChildrenChanged. Default `persistent`: this znode and its list of children. */
  readonly mode?: WatchMode | undefined;
  readonly onEvent?: WatchListener | undefined;
}

/** `state`: each change, with the state before. `attemptFailed`: a server could not be used. Each state is also an event. */
export interface ClientEventMap extends Record<SessionState, []> {
  state: [state: SessionState, previous: SessionState];
  attemptFailed: [server: string, reason: Error];
}

const noOptions: CallOptions & ReadOptions = {};
const noData = new Uint8Array(0);

/**
 * A client of a ZooKeeper ensemble (Apache's or Menagerie): one session, kept over lost connections.
 *
 * Requests go out in the order of the calls and are answered in that order; nothing has to be awaited before the next call.
 * A call made while no server is connected waits for one, within its time limit. When a connection breaks, every call made
 * before fails with {@link ConnectionLossError}, whose `outcome` tells whether it was ever sent; calls made after it wait for
 * the next server. Nothing is repeated behind the caller's back.
 */
export class ZooKeeper extends EventEmitter<ClientEventMap> {
  readonly #session: Session;
  readonly #chroot: string;

  /** Begins to connect at once. Throws {@link BadArgumentsError} for a connect string or option that makes no sense. */
  constructor(connectString: string, options: ClientOptions = {}) {
    super();
    // One for each lock that is held, and the like.
    this.setMaxListeners(0);
    const target = parseConnectString(connectString);
    this.#chroot = target.chroot;
    const number = (name: keyof ClientOptions, fallback: number, min: number): number => {
      const value = options[name] ?? fallback;
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= 0x7fffffff)
        return value;
      throw new BadArgumentsError(
        ErrorCode.BADARGUMENTS,
        `${name} must be a whole number from ${min}, not ${value}`,
      );
    };
    this.#session = new Session(
      target,
      {
        sessionTimeoutMs: number('sessionTimeoutMs', 30_000, 1),
        requestTimeoutMs: number('requestTimeoutMs', 30_000, 0),
        requestsInFlightMax: number('requestsInFlightMax', 1_000, 1),
        requestsWaitingMax: number('requestsWaitingMax', 100_000, 0),
        requestBytesMax: number('requestBytesMax', 0xfffff, 1024),
        replyBytesMax: number('replyBytesMax', 64 * 1024 * 1024, 1024),
        canBeReadOnly: options.canBeReadOnly ?? false,
        session: options.session,
      },
      {
        onState: (state, previous) => {
          this.emit('state', state, previous);
          this.emit(state);
        },
        onAttemptFailed: (server, reason) => this.emit('attemptFailed', server, reason),
      },
    );
  }

  /** A client that is connected. Rejects with {@link ConnectError}, which has each server's reason, after `timeoutMs` (15,000). */
  static async connect(
    connectString: string,
    options: ClientOptions & { connectTimeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<ZooKeeper> {
    const client = new ZooKeeper(connectString, options);
    try {
      await client.connected({ timeoutMs: options.connectTimeoutMs, signal: options.signal });
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  /** Resolves when a server serves the session. Rejects when the session is over, and when the time limit (15,000 ms) is. */
  connected({ signal, timeoutMs = CONNECT_TIMEOUT_MS }: CallOptions = {}): Promise<void> {
    if (isServed(this.state)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.off('state', onState);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: unknown) => {
        settle();
        reject(error);
      };
      const onState = () => {
        if (isServed(this.state)) {
          settle();
          resolve();
        } else if (isFinal(this.state))
          fail(new ConnectError(`the session is ${this.state}`, this.#session.failures));
      };
      const onAbort = () =>
        fail(new AbortError(0, 'aborted', { operation: 'connect', cause: signal?.reason }));
      const timer = setTimeout(() => {
        fail(new ConnectError(`no server could be used within ${timeoutMs} ms`, this.#session.failures));
      }, timeoutMs || 0x7fffffff);
      this.on('state', onState);
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted === true) onAbort();
      else onState();
    });
  }

  get state(): SessionState {
    return this.#session.state;
  }
  /** The session's id; 0n before there is one. */
  get sessionId(): bigint {
    return this.#session.id;
  }
  /** With the id, what another client needs to take the session up. */
  get sessionPassword(): Uint8Array {
    return this.#session.password;
  }
  /** The session's time-out as the server granted it. */
  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }
  /**
   * Until when, by `performance.now()`, the servers cannot have expired the session: three quarters of its time-out after the
   * sending of the newest request that was answered. Moves on while connected.
   */
  get leaseEndsAtMs(): number {
    return this.#session.leaseEndsAtMs;
  }
  /** The newest zxid that a reply told. */
  get lastZxid(): bigint {
    return this.#session.channel.lastZxid;
  }
  /** The server in use, as in `127.0.0.1:2181`, or null. */
  get remoteAddress(): string | null {
    return this.#session.remoteAddress;
  }
  /** The path under which this client works; empty for none. */
  get chroot(): string {
    return this.#chroot;
  }

  /** Ends the session: its ephemerals go at once. Everything still under way fails; no timer or socket is left. */
  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Authenticates this connection and every later one, as in `addAuth('digest', 'user:password')`. */
  addAuth(scheme: string, auth: Uint8Array | string, options: CallOptions = noOptions): Promise<void> {
    const bytes = typeof auth === 'string' ? Buffer.from(auth, 'utf8') : auth;
    return this.#session.addAuth(scheme, bytes, options);
  }

  /** Creates a znode and gives its path, to which sequential modes append a number. */
  create(
    path: string,
    data: Uint8Array | null = noData,
    options: CreateOptions = noOptions,
  ): Promise<string> {
    return this.#session.channel.submit<string>(this.#create(path, data, options, false), options);
  }

  /** The same, with the new znode's Stat. */
  createWithStat(
    path: string,
    data: Uint8Array | null = noData,
    options: CreateOptions = noOptions,
  ): Promise<PathAndStat> {
    return this.#session.channel.submit(this.#create(path, data, options, true), options);
  }

  /** Deletes a znode without children; `version` -1 is any. */
  delete(path: string, version = -1, options: CallOptions = noOptions): Promise<void> {
    const request = this.#request(operations.remove, path);
    request.number = version;
    if (path === '/') request.refusal = refused(InvalidPathError, request, 'the root cannot be deleted');
    return this.#session.channel.submit(request, options);
  }

  /** The znode's Stat, or null if there is none. A watch also tells of its creation. */
  exists(path: string, options: ReadOptions = noOptions): Promise<Stat | null> {
    return this.#read(operations.exists, path, options);
  }

  getData(path: string, options: ReadOptions = noOptions): Promise<DataAndStat> {
    return this.#read(operations.getData, path, options);
  }

  /** Names, not paths, in no particular order. */
  getChildren(path: string, options: ReadOptions = noOptions): Promise<string[]> {
    return this.#read(operations.getChildren, path, options);
  }

  getChildrenWithStat(path: string, options: ReadOptions = noOptions): Promise<ChildrenAndStat> {
    return this.#read(operations.getChildrenWithStat, path, options);
  }

  /** Replaces the data if the version is `version`; -1 is any. */
  setData(
    path: string,
    data: Uint8Array | null,
    version = -1,
    options: CallOptions = noOptions,
  ): Promise<Stat> {
    const request = this.#request(operations.setData, path);
    this.#setPayload(request, data);
    request.number = version;
    return this.#session.channel.submit<Stat>(request, options);
  }

  getAcl(path: string, options: CallOptions = noOptions): Promise<AclAndStat> {
    return this.#session.channel.submit(this.#request(operations.getAcl, path), options);
  }

  /** Replaces the ACL if the aversion is `version`; -1 is any. */
  setAcl(path: string, acls: readonly Acl[], version = -1, options: CallOptions = noOptions): Promise<Stat> {
    const request = this.#request(operations.setAcl, path);
    setAcls(request, acls);
    request.number = version;
    return this.#session.channel.submit<Stat>(request, options);
  }

  /** Lets this session's reads see everything that was committed before the call. */
  sync(path = '/', options: CallOptions = noOptions): Promise<void> {
    return this.#session.channel.submit(this.#request(operations.sync, path), options);
  }

  /** Paths of this session's ephemerals that begin with `prefix`. */
  getEphemerals(prefix = '/', options: CallOptions = noOptions): Promise<string[]> {
    return this.#session.channel.submit(this.#request(operations.getEphemerals, prefix), options);
  }

  /** How many znodes lie under a path, at any depth. */
  getAllChildrenNumber(path: string, options: CallOptions = noOptions): Promise<number> {
    return this.#session.channel.submit(this.#request(operations.getAllChildrenNumber, path), options);
  }

  /** As whom the server knows this connection. */
  whoAmI(options: CallOptions = noOptions): Promise<ClientIdentity[]> {
    return this.#session.channel.submit(new Request(operations.whoAmI, undefined, '', ''), options);
  }

  /** The ensemble's configuration, whatever the chroot. */
  getConfig(options: ReadOptions = noOptions): Promise<DataAndStat> {
    const request = new Request(operations.getData, CONFIG_PATH, CONFIG_PATH, '');
    setWatch(request, options);
    return this.#session.channel.submit<DataAndStat>(request, options);
  }

  /** Changes the ensemble, and gives the new configuration. */
  reconfig(change: Reconfiguration, options: CallOptions = noOptions): Promise<DataAndStat> {
    return this.#session.channel.submit(new Request(operations.reconfig(change), undefined, '', ''), options);
  }

  /** Several writes, all or none: `transaction().create('/a').check('/b', 3).commit()`. */
  transaction(): Transaction {
    return new Transaction(this.#sender);
  }

  /** Several reads in one request. */
  multiRead(): MultiRead {
    return new MultiRead(this.#sender);
  }

  /** Sets a watch that stays (servers from 3.6 on). What is watched need not exist. */
  async watch(path: string, options: WatchOptions = {}): Promise<PersistentWatch> {
    const mode = options.mode ?? 'persistent';
    const request = this.#request(operations.addWatch, path);
    request.number = watchModes[mode];
    const registry = this.#session.watches;
    const watch: PersistentWatch = new PersistentWatch(path, options.onEvent ?? null, async () => {
      const isLast = registry.removePersistent(mode, request.serverPath, watch.listener);
      if (isLast) await this.#removeServerWatch(mode, path);
    });
    // Before the request: an event may stand before its reply.
    if (request.refusal === null) registry.addPersistent(mode, request.serverPath, watch.listener);
    try {
      await this.#session.channel.submit(request, options);
    } catch (error) {
      registry.removePersistent(mode, request.serverPath, watch.listener);
      throw error;
    }
    return watch;
  }

  /** Best effort: an event nobody listens to does no harm. */
  async #removeServerWatch(mode: WatchMode, path: string): Promise<void> {
    const send = async (type: number) => {
      const request = this.#request(operations.removeWatches, path);
      request.number = type;
      if (isServed(this.state)) await this.#session.channel.submit(request, noOptions);
    };
    try {
      await send(mode === 'persistent' ? WatcherType.persistent : WatcherType.persistentRecursive);
    } catch (error) {
      // Servers before 3.9 know only `any`, which takes the other watches at the path as well.
      const isUnknown = error instanceof ZooKeeperError && error.code === ErrorCode.MARSHALLINGERROR;
      const serverPath = withChroot(path, this.#chroot);
      // Also those that are being set: the server has them before we know that they are set.
      const { watches, channel } = this.#session;
      const isAlone = !watches.has(serverPath) && !channel.isAskedToWatch(serverPath);
      if (isUnknown && isAlone) await send(WatcherType.any).catch(() => {});
    }
  }

  /**
   * Removes watches of this client at a path, whose listeners hear a `…Removed` event. `isLocal`: even if no server can be
   * asked. Rejects with {@link NoWatcherError} if there are none.
   */
  async removeWatches(
    path: string,
    kind: RemovalKind = 'any',
    options: CallOptions & { readonly isLocal?: boolean } = noOptions,
  ): Promise<void> {
    const request = this.#request(operations.removeWatches, path);
    request.number = WatcherType[kind === 'recursive' ? 'persistentRecursive' : kind];
    if (request.refusal === null && !this.#session.watches.hasKind(kind, request.serverPath))
      throw new NoWatcherError(ErrorCode.NOWATCHER, 'there is no such watch', {
        operation: 'removeWatches',
        path,
      });
    try {
      await this.#session.channel.submit(request, options);
    } catch (error) {
      if (options.isLocal !== true || error instanceof NoWatcherError) throw error;
    }
    const events = new Map<WatchEventType, WatchEvent>();
    for (const [listener, type] of this.#session.watches.remove(kind, request.serverPath)) {
      // One event for all listeners of a type, as with those that a server sends.
      const event = events.get(type) ?? { type, state: 'SyncConnected', path, zxid: null };
      events.set(type, event);
      tell([listener], event);
    }
  }

  /** Creates what is missing of a path, as persistent znodes without data. */
  ensurePath(path: string, options: CreateOptions = noOptions): Promise<void> {
    return withinLimits('ensurePath', path, options, (signal) =>
      ensurePath(this, path, { ...optionsOfPart(options, signal), acls: options.acls }),
    );
  }

  /** Creates a znode and what is missing above it. Rejects with {@link NodeExistsError} if it is there already. */
  async createRecursive(
    path: string,
    data: Uint8Array | null = noData,
    options: CreateOptions = noOptions,
  ): Promise<string> {
    const slash = path.lastIndexOf('/');
    return await withinLimits('createRecursive', path, options, async (signal) => {
      const part = optionsOfPart(options, signal);
      if (slash > 0) await ensurePath(this, path.slice(0, slash), { ...part, acls: options.acls });
      return await this.create(path, data, { ...options, ...part });
    });
  }

  /** Deletes a znode with all that is under it, in batches; what others add meanwhile, too. Gives how many it deleted. */
  deleteRecursive(
    path: string,
    options: CallOptions & { readonly batchSize?: number } = {},
  ): Promise<number> {
    return withinLimits('deleteRecursive', path, options, (signal) =>
      deleteSubtree(this, path, options.batchSize, optionsOfPart(options, signal)),
    );
  }

  /** The paths of a subtree, parents before children, siblings in order. */
  listRecursive(path: string, options: CallOptions = noOptions): Promise<string[]> {
    return withinLimits('listRecursive', path, options, (signal) =>
      listSubtree(this, path, optionsOfPart(options, signal)),
    );
  }

  /** Keeps a subtree in memory, live and correct over reconnects (servers from 3.6 on). Resolves when it is loaded. */
  cache(path: string, options: TreeCacheOptions = {}): Promise<TreeCache> {
    return TreeCache.open(this, path, options);
  }

  #read<T>(operation: Operation<T>, path: string, options: ReadOptions): Promise<T> {
    const request = this.#request(operation, path);
    setWatch(request, options);
    return this.#session.channel.submit<T>(request, options);
  }

  #request(operation: Operation<unknown>, path: string): Request {
    const chroot = this.#chroot;
    const request = new Request(operation, path, chroot === '' ? path : withChroot(path, chroot), chroot);
    const problem = pathProblem(path);
    if (problem !== null) request.refusal = refused(InvalidPathError, request, `the path ${problem}`);
    return request;
  }

  #create(path: string, data: Uint8Array | null, options: CreateOptions, withStat: boolean): Request {
    const mode = options.mode ?? 'persistent';
    const sequential = isSequential(mode);
    const chroot = this.#chroot;
    const serverPath = chroot === '' ? path : sequential ? chroot + path : withChroot(path, chroot);
    const request = new Request(createOperation(mode, withStat), path, serverPath, chroot);
    const problem = pathProblem(path, sequential);
    if (problem !== null) request.refusal = refused(InvalidPathError, request, `the path ${problem}`);
    request.number = createFlags(mode);
    this.#setPayload(request, data);
    if (options.acls !== undefined) setAcls(request, options.acls);
    else request.acls = openAcl;
    if (hasTtl(mode)) setTtl(request, options.ttlMs);
    else if (options.ttlMs !== undefined)
      request.refusal ??= refused(BadArgumentsError, request, `the mode ${mode} takes no ttlMs`);
    return request;
  }

  #setPayload(request: Request, data: Uint8Array | null): void {
    if (data !== null && !(data instanceof Uint8Array))
      request.refusal ??= refused(BadArgumentsError, request, 'data must be a Uint8Array or null');
    else request.data = data;
  }

  readonly #sender: Sender = {
    createPart: (path, data, options) => this.#create(path, data, options, false),
    part: (operation, path, number, data = null) => {
      const request = this.#request(operation, path);
      request.number = number;
      this.#setPayload(request, data);
      return request;
    },
    send: (operation, parts, options) => {
      const request = new Request(operation, undefined, '', this.#chroot);
      request.refusal = parts.find((part) => part.refusal !== null)?.refusal ?? null;
      return this.#session.channel.submit(request, options);
    },
  };
}

function setWatch(request: Request, { watch, watchSignal }: ReadOptions): void {
  request.listener = watch ?? null;
  request.watchSignal = watchSignal ?? null;
}

function createOperation(mode: CreateMode, withStat: boolean): Operation<string> | Operation<PathAndStat> {
  if (mode === 'container') return withStat ? operations.createContainer : operations.createContainerPath;
  if (hasTtl(mode)) return withStat ? operations.createTtl : operations.createTtlPath;
  return withStat ? operations.createWithStat : operations.create;
}

function setAcls(request: Request, acls: readonly Acl[]): void {
  const problem = aclProblem(acls);
  if (problem === null) request.acls = acls;
  else
    request.refusal ??= new InvalidAclError(ErrorCode.INVALIDACL, problem, {
      operation: request.operation.name,
      path: request.path,
      outcome: 'not-sent',
    });
}

function setTtl(request: Request, ttlMs: number | undefined): void {
  if (ttlMs !== undefined && Number.isInteger(ttlMs) && ttlMs >= 1 && ttlMs <= TTL_MS_MAX)
    request.ttlMs = ttlMs;
  else
    request.refusal ??= refused(
      BadArgumentsError,
      request,
      `ttlMs must be a whole number from 1 to ${TTL_MS_MAX}, not ${ttlMs}`,
    );
}

function refused(Class: typeof BadArgumentsError, request: Request, reason: string): BadArgumentsError {
  return new Class(ErrorCode.BADARGUMENTS, reason, {
    operation: request.operation.name,
    path: request.path,
    outcome: 'not-sent',
  });
}
