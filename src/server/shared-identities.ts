import { JuteReader } from '../jute/reader.ts';
import { type Identity, readIdentities } from '../protocol/acl.ts';

/** Beyond so many different lists all are forgotten; who holds one keeps it. */
const LISTS_MAX = 4096;
/** An address is much shorter. Longer lists come from clients that authenticate, and are not shared. */
const SHARED_BYTES_MAX = 128;

/** Reads the identities of connections. Most clients of an address have the same: one list serves all of them. */
export class SharedIdentities {
  readonly #known = new Map<string, readonly Identity[]>();
  readonly #reader = new JuteReader();

  /** vector<Id> in `bytes[start, end)`. Throws JuteError. */
  read(bytes: Uint8Array, start: number, end: number): readonly Identity[] {
    if (end - start > SHARED_BYTES_MAX) return this.#read(bytes, start, end);
    const key = String.fromCharCode(...bytes.subarray(start, end));
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const identities = this.#read(bytes, start, end);
    if (this.#known.size === LISTS_MAX) this.#known.clear();
    this.#known.set(key, identities);
    return identities;
  }

  /** A copy, since a list that grew keeps room for more. */
  #read(bytes: Uint8Array, start: number, end: number): readonly Identity[] {
    this.#reader.reset(bytes, start, end);
    return readIdentities(this.#reader).slice();
  }
}
