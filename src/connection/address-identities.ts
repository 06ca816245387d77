import type { Identity } from '../protocol/acl.ts';
import { javaAddressText } from '../protocol/ip-address.ts';

/** Beyond so many different addresses all are forgotten; who holds one keeps it. */
const ADDRESSES_MAX = 4096;

/** A client's address as Java prints it, and who its connections are before they authenticate. */
export interface AddressIdentity {
  readonly address: string;
  readonly identities: readonly Identity[];
}

/** Many clients come from one address: they share what is made of it. */
export class AddressIdentities {
  readonly #known = new Map<string, AddressIdentity>();

  /** `remoteAddress`: as Node gives it. */
  of(remoteAddress: string): AddressIdentity {
    const known = this.#known.get(remoteAddress);
    if (known !== undefined) return known;
    const address = javaAddressText(remoteAddress);
    const identity = { address, identities: [{ scheme: 'ip', id: address }] };
    if (this.#known.size === ADDRESSES_MAX) this.#known.clear();
    this.#known.set(remoteAddress, identity);
    return identity;
  }
}
