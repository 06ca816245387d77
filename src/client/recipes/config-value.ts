import { EventEmitter } from 'node:events';
import { ErrorCode } from '../../protocol/error-code.ts';
import { NodeExistsError, NoNodeError, ZooKeeperError } from '../errors.ts';
import { optionsOfPart, withinLimits } from '../limits.ts';
import type { CallOptions } from '../request.ts';
import { isFinal } from '../session-state.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { repeated, type WaitOptions } from './retry.ts';

/** How a value stands in a znode. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** Throws for data that is no T: the value before stays, and `invalid` is emitted. */
  decode(data: Uint8Array): T;
}

/** Values as JSON; `check` tells whether what was parsed is a T. */
export function jsonCodec<T>(check: (value: unknown) => value is T): Codec<T> {
  return {
    encode: (value) => Buffer.from(JSON.stringify(value), 'utf8'),
    decode(data) {
      const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
      if (!check(value)) throw new TypeError('the JSON has another shape');
      return value;
    },
  };
}

/**
 * `changed`: a new value, or undefined for a znode that is gone. `invalid`: data that is none. `ended`: it is not followed any
 * longer, because the session is over or, as `invalid` has told before, because the znode may not be read.
 */
export interface ConfigValueEvents<T> {
  changed: [value: T | undefined];
  invalid: [error: Error];
  ended: [];
}

/**
 * A typed value in a znode, which follows its changes.
 *
 * Guarantee: `value` never goes back in time, and takes on the newest value soon after each change. Changes that follow each
 * other quickly may show as one. Over a suspended session it stays as it was, and catches up with the next connection; after the
 * end of the session (`ended`) it changes no more.
 */
export class ConfigValue<T> extends EventEmitter<ConfigValueEvents<T>> {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly #codec: Codec<T>;
  #value: T | undefined;
  #version = -1;
  #mzxid = -1n;
  #isClosed = false;
  readonly #over = new AbortController();

  private constructor(client: ZooKeeper, path: string, codec: Codec<T>) {
    super();
    this.#client = client;
    this.path = path;
    this.#codec = codec;
  }

  /** Reads the value and begins to follow it. */
  static async open<T>(
    client: ZooKeeper,
    path: string,
    codec: Codec<T>,
    options: WaitOptions = {},
  ): Promise<ConfigValue<T>> {
    const config = new ConfigValue(client, path, codec);
    await withinLimits('open', path, options, (signal) => config.#follow(signal));
    return config;
  }

  /** The newest value known; undefined while there is no znode. */
  get value(): T | undefined {
    return this.#value;
  }

  /** The version of {@link value}, for {@link set}; -1 while there is no znode. */
  get version(): number {
    return this.#version;
  }

  /**
   * Writes the value, whatever it is now, or only if its version is still `version`: else rejects with BadVersionError. A lost
   * connection rejects with ConnectionLossError, whose outcome may be unknown.
   */
  async set(value: T, version = -1, options: WaitOptions = {}): Promise<void> {
    const data = this.#codec.encode(value);
    await withinLimits('set', this.path, options, (signal) =>
      this.#set(data, version, optionsOfPart(options, signal)),
    );
  }

  async #set(data: Uint8Array, version: number, options: CallOptions): Promise<void> {
    for (;;) {
      try {
        await this.#client.setData(this.path, data, version, options);
        return;
      } catch (error) {
        if (!(error instanceof NoNodeError) || version !== -1) throw error;
      }
      try {
        await this.#client.createRecursive(this.path, data, options);
        return;
      } catch (error) {
        if (!(error instanceof NodeExistsError)) throw error;
      }
    }
  }

  /** Follows no more. */
  close(): void {
    this.#isClosed = true;
    this.#over.abort();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Reads with a watch, until a read and a look at the missing znode agree. */
  async #follow(signal: AbortSignal | undefined): Promise<void> {
    const watching = { watch: () => this.#onChange(), watchSignal: this.#over.signal };
    await repeated(async () => {
      // exists watches a missing znode as well; the data may change between the two, which the watch tells.
      if ((await this.#client.exists(this.path, watching)) === null) return this.#take(null, -1, -1n);
      try {
        const { data, stat } = await this.#client.getData(this.path);
        this.#take(data ?? new Uint8Array(0), stat.version, stat.mzxid);
      } catch (error) {
        if (!(error instanceof NoNodeError)) throw error;
        this.#take(null, -1, -1n);
      }
    }, signal);
  }

  #onChange(): void {
    if (this.#isClosed) return;
    if (isFinal(this.#client.state)) {
      this.#end();
      return;
    }
    this.#follow(undefined).catch((error: Error) => {
      if (this.#isClosed) return;
      if (!isFinal(this.#client.state)) {
        const details = { path: this.path, cause: error };
        this.emit('invalid', new ZooKeeperError(ErrorCode.SYSTEMERROR, 'cannot be followed', details));
      }
      this.#end();
    });
  }

  #end(): void {
    this.close();
    this.emit('ended');
  }

  #take(data: Uint8Array | null, version: number, mzxid: bigint): void {
    if (this.#isClosed || mzxid === this.#mzxid) return;
    let value: T | undefined;
    try {
      value = data === null ? undefined : this.#codec.decode(data);
    } catch (error) {
      this.#mzxid = mzxid;
      this.emit('invalid', error as Error);
      return;
    }
    this.#value = value;
    this.#version = version;
    this.#mzxid = mzxid;
    this.emit('changed', value);
  }
}
