// A thread that asks as much of a server as it is told to. It looks at no more of a reply than its length and error, so
// that it is cheaper than what it measures.
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { OpCode } from '../../src/protocol/opcode.js';
import { encode } from '../support/wire-records.js';
const FRAMES_PER_WRITE = 32;
const SLOW_READ_MS = 20;
const DATA_BYTES = 100;
class LoadConnection {
    #socket;
    #frames;
    #count;
    #options;
    #left = Buffer.alloc(0);
    #underWay = 0;
    #hasSession = false;
    #isFull = false;
    constructor(options, frames, connectFrame, count) {
        this.#options = options;
        this.#frames = frames;
        this.#count = count;
        this.#socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
        this.#socket.on('connect', () => this.#socket.write(connectFrame));
        this.#socket.on('data', (chunk) => this.#received(chunk));
        this.#socket.on('drain', () => {
            this.#isFull = false;
            this.#ask();
        });
        this.#socket.on('error', () => this.#socket.destroy());
        this.#socket.on('close', () => {
            count.closed++;
        });
        if (options.kind === 'slow')
            setInterval(() => this.#socket.resume(), SLOW_READ_MS).unref();
    }
    #ask() {
        const depth = this.#options.depth === 0 ? Number.POSITIVE_INFINITY : this.#options.depth;
        while (this.#hasSession && !this.#isFull && this.#underWay < depth) {
            const frames = Math.min(FRAMES_PER_WRITE, depth - this.#underWay);
            const bytes = (this.#frames.length / FRAMES_PER_WRITE) * frames;
            this.#underWay += frames;
            this.#isFull = !this.#socket.write(this.#frames.subarray(0, bytes));
        }
    }
    #received(chunk) {
        if (this.#options.kind === 'slow')
            this.#socket.pause();
        const bytes = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
        let at = 0;
        while (bytes.length - at >= 4) {
            const end = at + 4 + bytes.readInt32BE(at);
            if (end > bytes.length)
                break;
            this.#reply(bytes, at);
            at = end;
        }
        this.#left = bytes.subarray(at);
        this.#ask();
    }
    #reply(bytes, at) {
        if (!this.#hasSession) {
            this.#hasSession = true;
            this.#count.connected++;
            return;
        }
        this.#underWay--;
        this.#count.answered++;
        if (bytes.readInt32BE(at + 16) !== 0)
            this.#count.errors++;
    }
}
function frame(write) {
    const body = encode(write);
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
}
function requestFrame(options) {
    return frame((writer) => {
        writer.writeInt(1);
        writer.writeInt(options.kind === 'write' ? OpCode.setData : OpCode.getData);
        writer.writeString(options.path);
        if (options.kind === 'write') {
            writer.writeBuffer(new Uint8Array(DATA_BYTES));
            writer.writeInt(-1);
        }
        else {
            writer.writeBoolean(false);
        }
    });
}
const port = parentPort;
if (port !== null) {
    const options = workerData;
    const totals = { answered: 0, errors: 0, connected: 0, closed: 0 };
    const one = requestFrame(options);
    const frames = Buffer.concat(Array.from({ length: FRAMES_PER_WRITE }, () => one));
    const connectFrame = frame((writer) => {
        writer.writeInt(0);
        writer.writeLong(0n);
        writer.writeInt(options.sessionTimeoutMs);
        writer.writeLong(0n);
        writer.writeBuffer(new Uint8Array(16));
        writer.writeBoolean(false);
    });
    for (let i = 0; i < options.connections; i++)
        new LoadConnection(options, frames, connectFrame, totals);
    port.on('message', () => port.postMessage({ ...totals }));
}
