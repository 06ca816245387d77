import type { Socket } from 'node:net';
import type { Identity } from '../protocol/acl.ts';
import { LatencySummary } from './latency.ts';
import type { ReplyBuffer } from './reply-buffer.ts';
import { type SocketOutput, StreamOutput } from './socket-output.ts';
import type { WatchEntry } from './watch-table.ts';

/**
 * connecting: nothing but a ConnectRequest or a four-letter word may come.
 * settling: main decides about the session; what the client pipelines behind its ConnectRequest waits.
 * answering: a four-letter word is being answered; input is ignored.
 * open: the session is established.
 * closed: for good.
 */
export type ConnectionState = 'connecting' | 'settling' | 'answering' | 'open' | 'closed';

const NO_INPUT = new Uint8Array(0);

/** One client's connection: only data; what happens to it is decided in connection-worker.ts. */
export class ClientConnection {
  readonly id: number;
  readonly socket: Socket;
  /** Everything but the end goes out through this. */
  output: SocketOutput;
  readonly address: string;
  readonly port: number;
  readonly connectedAtMs: number;
  state: ConnectionState = 'connecting';
  sessionHigh = 0;
  sessionLow = 0;
  timeoutMs = 0;
  /** The session's word in the touch table; -1 before it is settled. */
  slot = -1;
  /** Clients before 3.4 send no readOnly byte, and must not be sent one. */
  hasReadOnlyByte = true;
  identities: readonly Identity[];

  /** Bytes received and not yet processed: `input[inputStart, inputEnd)`. */
  input: Uint8Array = NO_INPUT;
  inputStart = 0;
  inputEnd = 0;
  isPaused = false;
  /** It waits in the worker's list of connections whose input can go on. */
  isReady = false;

  /** Requests sent to main and not yet answered. A read waits until there are none: FIFO order of a session. */
  outstanding = 0;
  /** When each of the outstanding requests came, oldest first. */
  readonly receivedAtMs: number[] = [];
  receivedFirst = 0;

  reply: ReplyBuffer | null = null;
  isDirty = false;
  closesAfterFlush = false;

  readonly dataWatches = new Set<WatchEntry>();
  readonly childWatches = new Set<WatchEntry>();

  packetsReceived = 0;
  packetsSent = 0;
  lastOpcode = 0;
  lastCxid = -1;
  lastZxidHigh = -1;
  lastZxidLow = -1;
  lastResponseMs = 0;
  lastLatencyMs = 0;
  readonly latency = new LatencySummary();

  constructor(id: number, socket: Socket, address: string, port: number, nowMs: number) {
    this.id = id;
    this.socket = socket;
    this.output = new StreamOutput(socket);
    this.address = address;
    this.port = port;
    this.connectedAtMs = nowMs;
    this.identities = [{ scheme: 'ip', id: address }];
  }

  get inputBytes(): number {
    return this.inputEnd - this.inputStart;
  }

  /** Keeps `bytes[start, end)`, which cannot be processed yet, behind what is already kept. */
  keepInput(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start;
    const kept = this.inputBytes;
    if (this.inputEnd + added > this.input.length) {
      const size = kept + added;
      const target = size > this.input.length ? new Uint8Array(Math.max(1024, size * 2)) : this.input;
      target.set(this.input.subarray(this.inputStart, this.inputEnd));
      this.input = target;
      this.inputStart = 0;
      this.inputEnd = kept;
    }
    this.input.set(bytes.subarray(start, end), this.inputEnd);
    this.inputEnd += added;
  }

  /** Everything kept was processed: the memory goes, unless it is small. */
  forgetInput(): void {
    this.inputStart = 0;
    this.inputEnd = 0;
    if (this.input.length > 64 * 1024) this.input = NO_INPUT;
  }

  requestForwarded(receivedAtMs: number): void {
    this.outstanding++;
    this.receivedAtMs.push(receivedAtMs);
  }

  /** The oldest outstanding request was answered: gives when it came. */
  requestAnswered(): number {
    this.outstanding--;
    const receivedAtMs = this.receivedAtMs[this.receivedFirst++];
    if (this.receivedFirst === this.receivedAtMs.length) {
      this.receivedAtMs.length = 0;
      this.receivedFirst = 0;
    } else if (this.receivedFirst > 1024) {
      this.receivedAtMs.splice(0, this.receivedFirst);
      this.receivedFirst = 0;
    }
    return receivedAtMs;
  }

  toString(): string {
    return `${this.address}:${this.port}`;
  }
}
