import { ClientConnection } from '../../src/connection/client-connection.js';
/** A socket whose kernel side the test plays: it takes everything at once, or nothing until {@link take}. */
export class FakeSocket {
    /** Each write's bytes as they were handed over: not copies, as a real socket keeps none either. */
    pending = [];
    written = [];
    takesAtOnce = true;
    get writableLength() {
        return this.pending.reduce((sum, bytes) => sum + bytes.length, 0);
    }
    write(bytes) {
        this.pending.push(bytes);
        if (this.takesAtOnce)
            this.take();
        return this.pending.length === 0;
    }
    /** The kernel takes what waits, as it stands now. */
    take() {
        for (const bytes of this.pending)
            this.written.push(Buffer.from(bytes));
        this.pending.length = 0;
    }
    /** All that went out, in one piece. */
    get output() {
        return Buffer.concat(this.written);
    }
}
let nextId = 1;
/** An open connection on a {@link FakeSocket}. */
export function fakeConnection(address = '10.0.0.1') {
    const socket = new FakeSocket();
    const connection = new ClientConnection(nextId++, socket, address, 1234, 0);
    connection.state = 'open';
    return { connection, socket };
}
