import type { Socket } from 'node:net';
import { AddressIdentities } from '../../src/connection/address-identities.ts';
import { ClientConnection } from '../../src/connection/client-connection.ts';

/** A socket whose kernel side the test plays: it takes everything at once, or nothing until {@link take}. */
export class FakeSocket {
  /** Each write's bytes as they were handed over: not copies, as a real socket keeps none either. */
  readonly pending: Uint8Array[] = [];
  readonly written: Buffer[] = [];
  takesAtOnce = true;

  get writableLength(): number {
    return this.pending.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  write(bytes: Uint8Array): boolean {
    this.pending.push(bytes);
    if (this.takesAtOnce) this.take();
    return this.pending.length === 0;
  }

  /** The kernel takes what waits, as it stands now. */
  take(): void {
    for (const bytes of this.pending) this.written.push(Buffer.from(bytes));
    this.pending.length = 0;
  }

  /** All that went out, in one piece. */
  get output(): Buffer {
    return Buffer.concat(this.written);
  }
}

let nextId = 1;
const addresses = new AddressIdentities();

/** An open connection on a {@link FakeSocket}. */
export function fakeConnection(address = '10.0.0.1'): { connection: ClientConnection; socket: FakeSocket } {
  const socket = new FakeSocket();
  const connection = new ClientConnection(
    nextId++,
    socket as unknown as Socket,
    addresses.of(address),
    1234,
    0,
  );
  connection.state = 'open';
  return { connection, socket };
}
