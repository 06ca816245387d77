import { connect } from 'node:net';
import type { JuteReader } from '../jute/reader.ts';
import { ErrorCode, errorName } from '../protocol/error-code.ts';
import { OpCode, Xid } from '../protocol/opcode.ts';
import { type ConnectString, type ServerName, serverText } from './connect-string.ts';
import { Connection, type ConnectResponse, type ConnectTarget } from './connection.ts';
import {
  AuthFailedError,
  ClosedError,
  ProtocolError,
  SessionExpiredError,
  UnimplementedError,
  type ZooKeeperError,
} from './errors.ts';
import { Heartbeat } from './heartbeat.ts';
import { orAborted, withinLimits } from './limits.ts';
import { closeSession } from './operations.ts';
import { type CallOptions, Request } from './request.ts';
import { type ChannelLimits, describe, RequestChannel } from './request-channel.ts';
import { addressesOf, ServerList } from './server-list.ts';
import { isFinal, isServed, type SessionState } from './session-state.ts';
import { type KeeperState, tell, watchEventType } from './watch-event.ts';
import { clientEvent, needsSetWatches2, WatchRegistry, writeSetWatches } from './watch-registry.ts';

const BACK_OFF_MS_MIN = 100;
const BACK_OFF_MS_MAX = 5_000;
const ATTEMPT_MS_MIN = 500;
const ATTEMPT_MS_MAX = 10_000;
/** After a connection that lived shorter there is the shortest pause: else a server that drops us is asked without one. */
const SETTLED_MS = 1_000;
/**
 * A follower tells the leader of its sessions' signs of life every half tick, and may die before it does. A tick is at most half
 * of a session's time-out: what a follower has answered counts at the leader from a quarter of the time-out earlier, at worst.
 */
const LEASE_SHARE = 3 / 4;
const PROBE_MS_MAX = 60_000;
const CLOSE_PATIENCE_MS = 5_000;

export interface SessionOptions extends ChannelLimits {
  readonly sessionTimeoutMs: number;
  readonly canBeReadOnly: boolean;
  readonly replyBytesMax: number;
  /** To take up a session that another client object left behind. */
  readonly session?: { readonly id: bigint; readonly password: Uint8Array } | undefined;
}

interface Credential {
  readonly scheme: string;
  readonly auth: Uint8Array;
}

/** What the session reports. */
export interface SessionEvents {
  onState(state: SessionState, previous: SessionState): void;
  onAttemptFailed(server: string, reason: Error): void;
}

/** A session with an ensemble: finds a server, keeps the session alive, and takes it to the next server when one is lost. */
export class Session {
  readonly watches = new WatchRegistry();
  readonly channel: RequestChannel;
  readonly chroot: string;
  readonly #options: SessionOptions;
  readonly #servers: ServerList;
  readonly #events: SessionEvents;
  readonly #credentials: Credential[] = [];
  #authWaiters: ((errorCode: number) => void)[] = [];
  readonly #stop = new AbortController();
  #state: SessionState = 'connecting';
  #id: bigint;
  #password: Uint8Array;
  #timeoutMs: number;
  #connection: Connection | null = null;
  #server: ServerName | null = null;
  #heartbeat: Heartbeat | null = null;
  #hasSeenReadWrite: boolean;
  #isClosing = false;
  /** How often servers have refused to set persistent watches again, since one last did. */
  #watchRefusals = 0;
  #failures = new Map<string, Error>();
  #closed: Promise<void> | null = null;

  constructor(target: ConnectString, options: SessionOptions, events: SessionEvents) {
    this.chroot = target.chroot;
    this.#options = options;
    this.#servers = new ServerList(target.servers);
    this.#events = events;
    this.#id = options.session?.id ?? 0n;
    this.#password = options.session?.password ?? new Uint8Array(16);
    this.#timeoutMs = options.sessionTimeoutMs;
    this.#hasSeenReadWrite = options.session !== undefined;
    this.channel = new RequestChannel(options, this.watches, {
      onNotification: (reader, zxid) => this.#onNotification(reader, zxid),
      onAuthReply: (errorCode) => this.#onAuthReply(errorCode),
      waitCause: () => this.#lastFailure(),
    });
    void this.#run();
  }

  get state(): SessionState {
    return this.#state;
  }
  /** 0n before a server has given one. */
  get id(): bigint {
    return this.#id;
  }
  get password(): Uint8Array {
    return this.#password;
  }
  /** What the server granted. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }
  get remoteAddress(): string | null {
    return this.#connection?.remoteAddress ?? null;
  }
  /** Until when, by `performance.now()`, no server can have expired the session. */
  get leaseEndsAtMs(): number {
    return this.channel.answeredSentAtMs + this.#timeoutMs * LEASE_SHARE;
  }
  /** Why each server that was tried could not be used, the newest reason for each. */
  get failures(): string[] {
    return [...this.#failures].map(([server, reason]) => `${server}: ${reason.message}`);
  }

  #lastFailure(): Error | undefined {
    return [...this.#failures.values()].at(-1);
  }

  /** Authenticates this and every later connection. Rejects when a server refuses, which ends the session for good. */
  addAuth(scheme: string, auth: Uint8Array, options: CallOptions): Promise<void> {
    const limits = { timeoutMs: this.#options.requestTimeoutMs, ...options };
    return withinLimits('addAuth', undefined, limits, (signal) =>
      orAborted(this.#authenticate({ scheme, auth }), signal),
    );
  }

  #authenticate(credential: Credential): Promise<void> {
    return new Promise((resolve, reject) => {
      const error = this.#finalError(new Request(closeSession, undefined, '', ''));
      if (error !== null) return reject(error);
      this.#credentials.push(credential);
      if (!isServed(this.#state)) {
        // It will be sent first of all when there is a connection; nothing overtakes it.
        resolve();
        return;
      }
      this.#sendAuth(credential, (errorCode) => {
        if (errorCode === 0 || errorCode === ErrorCode.CONNECTIONLOSS) resolve();
        else reject(new AuthFailedError(errorCode, `the server refuses the ${credential.scheme} credential`));
      });
    });
  }

  #sendAuth({ scheme, auth }: Credential, onReply: (errorCode: number) => void): void {
    this.#authWaiters.push(onReply);
    this.channel.sendFrame(Xid.auth, OpCode.auth, (output) => {
      output.writeInt(0);
      output.writeString(scheme);
      output.writeBuffer(auth);
    });
  }

  #onAuthReply(errorCode: number): void {
    const waiter = this.#authWaiters.shift();
    if (waiter === undefined) throw new ProtocolError('answers an authentication that was not asked');
    if (errorCode !== 0) this.#end('authFailed', new Error(`authentication failed: ${errorName(errorCode)}`));
    waiter(errorCode);
  }

  /** Ends the session at the server if one is connected; nothing of this client is left running when it resolves. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (isFinal(this.#state)) return;
    this.#isClosing = true;
    if (isServed(this.#state)) {
      const goodbye = this.channel.submit(new Request(closeSession, undefined, '', ''), {
        timeoutMs: CLOSE_PATIENCE_MS,
      });
      this.channel.refuse(closedError);
      // Whatever goes wrong, the session ends by its time-out.
      await goodbye.catch(() => undefined);
    }
    this.#end('closed', new Error('closed by the client'));
  }

  async #run(): Promise<void> {
    for (let attempts = 0; !isFinal(this.#state); ) {
      if (attempts > 0 && attempts % this.#servers.length === 0)
        await this.#pause(attempts / this.#servers.length);
      if (isFinal(this.#state)) return;
      attempts++;
      const servedMs = await this.#attempt(this.#servers.take());
      if (servedMs >= SETTLED_MS) attempts = 0;
      else if (servedMs > 0) attempts = this.#servers.length;
    }
  }

  /** Doubles with each round, with jitter, and leaves time for several rounds before the session expires. */
  #pause(rounds: number): Promise<void> {
    const most = Math.min(BACK_OFF_MS_MAX, Math.max(BACK_OFF_MS_MIN, this.#timeoutMs / 8));
    const ms = Math.min(most, BACK_OFF_MS_MIN * 2 ** Math.min(rounds - 1, 10)) * (0.5 + Math.random() / 2);
    return this.#sleep(ms);
  }

  #sleep(ms: number): Promise<void> {
    const signal = this.#stop.signal;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }

  /** Tries each address of a server. Gives for how long it served us, 0 when it did not. */
  async #attempt(server: ServerName): Promise<number> {
    const timeoutMs = Math.min(
      ATTEMPT_MS_MAX,
      Math.max(ATTEMPT_MS_MIN, this.#timeoutMs / this.#servers.length),
    );
    let addresses: string[];
    try {
      addresses = await addressesOf(server.host, timeoutMs);
    } catch (error) {
      this.#attemptFailed(server, error as Error);
      return 0;
    }
    for (const address of addresses) {
      if (isFinal(this.#state)) return 0;
      const target = { address, port: server.port, timeoutMs, replyBytesMax: this.#options.replyBytesMax };
      try {
        return await this.#serve(server, target);
      } catch (error) {
        this.#attemptFailed(server, error as Error);
      }
    }
    return 0;
  }

  #attemptFailed(server: ServerName, reason: Error): void {
    if (isFinal(this.#state)) return;
    const name = serverText(server);
    this.#failures.delete(name);
    this.#failures.set(name, reason);
    this.#events.onAttemptFailed(name, reason);
  }

  async #serve(server: ServerName, target: ConnectTarget): Promise<number> {
    const sentAtMs = performance.now();
    const { connection, response } = await Connection.open(
      target,
      {
        lastZxidSeen: this.channel.lastZxid,
        timeoutMs: this.#options.sessionTimeoutMs,
        sessionId: this.#hasSeenReadWrite ? this.#id : 0n,
        password: this.#hasSeenReadWrite ? this.#password : new Uint8Array(16),
        canBeReadOnly: this.#options.canBeReadOnly,
      },
      this.#stop.signal,
    );
    if (isFinal(this.#state)) {
      connection.end(new Error('closed by the client'));
      return 0;
    }
    if (response.timeoutMs <= 0) {
      connection.end(new Error('the session has expired'));
      this.#end('expired', new Error('the server says that the session has expired'));
      return 0;
    }
    const ended = this.#establish(server, connection, response, sentAtMs);
    const establishedAtMs = performance.now();
    const reason = await ended;
    if (isFinal(this.#state)) return 0;
    const servedMs = performance.now() - establishedAtMs;
    if (servedMs < SETTLED_MS) this.#attemptFailed(server, reason);
    return servedMs;
  }

  /** Takes up service on an accepted connection. Resolves with the reason of its end. */
  #establish(
    server: ServerName,
    connection: Connection,
    response: ConnectResponse,
    sentAtMs: number,
  ): Promise<Error> {
    const channel = this.channel;
    this.#id = response.sessionId;
    this.#password = response.password;
    this.#timeoutMs = response.timeoutMs;
    if (!response.isReadOnly) this.#hasSeenReadWrite = true;
    this.#connection = connection;
    this.#server = server;
    this.#failures.delete(serverText(server));
    channel.attach(connection, sentAtMs);
    const ended = new Promise<Error>((resolve) => {
      connection.attach({
        onInput: () => {
          channel.receivedAtMs = performance.now();
        },
        onFrame: (bytes, start, end) => channel.onFrame(bytes, start, end),
        onDrain: () => channel.onDrain(),
        onEnd: (reason) => {
          this.#onConnectionEnd(connection, reason);
          resolve(reason);
        },
      });
    });
    const ping = () => channel.sendFrame(Xid.ping, OpCode.ping, () => {});
    this.#heartbeat = new Heartbeat(channel, response.timeoutMs, ping, (silentMs) =>
      connection.end(new Error(`the server was silent for ${silentMs} ms`)),
    );
    for (const credential of this.#credentials) this.#sendAuth(credential, () => {});
    this.#resendWatches();
    // Before the events: what a listener asks must follow what was asked before it.
    channel.open();
    this.#setState(response.isReadOnly ? 'readOnly' : 'connected');
    this.#tellWatchers(response.isReadOnly ? 'ConnectedReadOnly' : 'SyncConnected');
    if (response.isReadOnly) void this.#searchReadWrite(connection);
    return ended;
  }

  #resendWatches(): void {
    const [lastZxid, connection] = [this.channel.lastZxid, this.#connection];
    for (const lists of this.watches.batches()) {
      const isPersistent = needsSetWatches2(lists);
      const operation = {
        type: isPersistent ? OpCode.setWatches2 : OpCode.setWatches,
        name: 'setWatches',
        write: (output: Parameters<typeof writeSetWatches>[0]) => writeSetWatches(output, lastZxid, lists),
        read: () => undefined,
      };
      const onSet = () => {
        if (isPersistent) this.#watchRefusals = 0;
      };
      const onFailure = (error: Error) => {
        if (isPersistent && error instanceof UnimplementedError) this.#noPersistentWatches();
        // Without its watches the session would miss changes in silence; the next server may take them.
        connection?.end(new Error(`the watches could not be set again: ${error.message}`));
      };
      this.channel.sendFirst(operation, Xid.setWatches).then(onSet, onFailure);
    }
  }

  /** A server before 3.6. After a round of them the session goes on without those watches, whose listeners are told. */
  #noPersistentWatches(): void {
    if (++this.#watchRefusals < this.#servers.length) return;
    this.#watchRefusals = 0;
    for (const [listener, path] of this.watches.takePersistent()) {
      tell([listener], clientEvent('PersistentWatchRemoved', 'SyncConnected', path, this.chroot, null));
    }
  }

  #onConnectionEnd(connection: Connection, reason: Error): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#heartbeat?.stop();
    this.#heartbeat = null;
    if (isFinal(this.#state)) return;
    this.channel.detach(reason);
    const waiters = this.#authWaiters;
    this.#authWaiters = [];
    // They stay among the credentials and are sent again first of all.
    for (const waiter of waiters) waiter(ErrorCode.CONNECTIONLOSS);
    if (this.#isClosing) return;
    this.#setState('suspended');
    this.#tellWatchers('Disconnected');
  }

  #onNotification(reader: JuteReader, zxid: bigint): void {
    const type = watchEventType(reader.readInt());
    reader.skip(4);
    const path = reader.readString() ?? '';
    if (type === null) throw new ProtocolError('sends an event of a type that does not exist');
    const event = clientEvent(type, 'SyncConnected', path, this.chroot, zxid > 0n ? zxid : null);
    tell(this.watches.take(type, path), event);
  }

  #tellWatchers(state: KeeperState): void {
    const event = clientEvent('None', state, '', this.chroot, null);
    tell(this.watches.takeForState(isFinal(this.#state)), event);
  }

  /** Looks for a server that takes writes while we are with one that does not; then leaves for it. */
  async #searchReadWrite(connection: Connection): Promise<void> {
    for (let pauseMs = BACK_OFF_MS_MIN; ; pauseMs = Math.min(PROBE_MS_MAX, pauseMs * 2)) {
      await this.#sleep(pauseMs);
      for (const server of this.#servers.others(this.#server)) {
        if (this.#connection !== connection) return;
        if (!(await isReadWrite(server))) continue;
        this.#servers.prefer(server);
        connection.end(new Error(`${serverText(server)} takes writes`));
        return;
      }
      if (this.#connection !== connection) return;
    }
  }

  #finalError(request: Request): ZooKeeperError | null {
    switch (this.#state) {
      case 'expired':
        return new SessionExpiredError(ErrorCode.SESSIONEXPIRED, 'the session has expired', {
          ...describe(request),
          outcome: request.state === 'sent' ? 'unknown' : 'not-sent',
        });
      case 'authFailed':
        return new AuthFailedError(ErrorCode.AUTHFAILED, 'a server refused a credential of this client', {
          ...describe(request),
          outcome: request.state === 'sent' ? 'unknown' : 'not-sent',
        });
      case 'closed':
        return closedError(request);
      case 'connecting':
      case 'connected':
      case 'readOnly':
      case 'suspended':
        return this.#isClosing ? closedError(request) : null;
    }
  }

  #end(state: 'expired' | 'closed' | 'authFailed', reason: Error): void {
    if (isFinal(this.#state)) return;
    const connection = this.#connection;
    this.#setStateQuietly(state);
    this.channel.finish((request) => this.#finalError(request) ?? closedError(request));
    this.#stop.abort();
    connection?.end(reason);
    this.#tellWatchers(state === 'expired' ? 'Expired' : state === 'closed' ? 'Closed' : 'AuthFailed');
    this.#announce(state);
  }

  #previous: SessionState = 'connecting';

  #setStateQuietly(state: SessionState): void {
    this.#previous = this.#state;
    this.#state = state;
  }

  #announce(state: SessionState): void {
    this.#events.onState(state, this.#previous);
  }

  #setState(state: SessionState): void {
    if (this.#state === state) return;
    this.#setStateQuietly(state);
    this.#announce(state);
  }
}

function closedError(request: Request): ClosedError {
  return new ClosedError(ErrorCode.CONNECTIONLOSS, 'the client is closed', {
    ...describe(request),
    outcome: request.state === 'sent' ? 'unknown' : 'not-sent',
  });
}

/** Asks a server with `isro`. */
function isReadWrite({ host, port }: ServerName): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let answer = '';
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => done(false));
    socket.once('connect', () => socket.write('isro'));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.length >= 2) done(answer.startsWith('rw'));
    });
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
  });
}
