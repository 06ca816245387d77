import type { Socket } from 'node:net';
import type { Identity } from '../protocol/acl.ts';
import type { AddressIdentity } from './address-identities.ts';
import { giveInputBuffer, takeInputBuffer } from './input-buffers.ts';
import type { LargeRequest } from './large-requests.ts';
import type { ReplyBuffer } from './reply-buffer.ts';
import { type OutputOwner, type SocketOutput, streamOutput } from './socket-output.ts';
import type { WatchedPaths } from './watched-paths.ts';

/**
 * connecting: nothing but a ConnectRequest or a four-letter word may come.
 * settling: main decides about the session; what the client pipelines behind its ConnectRequest waits.
 * answering: a four-letter word is being answered; input is ignored.
 * open: the session is established.
 * closed: for good.
 */
export type ConnectionState = 'connecting' | 'settling' | 'answering' | 'open' | 'closed';

const NO_INPUT = new Uint8Array(0);

/**
 * One client's connection: only data; what happens to it is decided in connection-worker.ts. There may be very many that
 * do nothing: what an idle one does not need is made when it is first needed, or shared.
 */
export class ClientConnection implements OutputOwner {
  readonly id: number;
  readonly socket: Socket;
  /** Everything but the end goes out through this. */
  output: SocketOutput = streamOutput;
  unsentInHandle = 0;
  readonly address: string;
  readonly port: number;
  readonly connectedAtMs: number;
  state: ConnectionState = 'connecting';
  sessionHigh = 0;
  sessionLow = 0;
  timeoutMs = 0;
  /** The session's word in the touch table; -1 before it is settled. */
  slot = -1;
  /** Its session is one of a server without a quorum: nothing can be written. */
  isReadOnly = false;
  /** Clients before 3.4 send no readOnly byte, and must not be sent one. */
  hasReadOnlyByte = true;
  identities: readonly Identity[];

  /** Bytes received and not yet processed: `input[inputStart, inputEnd)`. */
  input: Uint8Array = NO_INPUT;
  inputStart = 0;
  inputEnd = 0;
  isPaused = false;
  /** It is not read until the event loop's next turn. */
  isYielding = false;
  /** It waits in the worker's list of connections whose input can go on. */
  isReady = false;

  /** Requests sent to main and not yet answered. A read waits until there are none: FIFO order of a session. */
  outstanding = 0;
  /** When each of the outstanding requests came, oldest first. */
  receivedAtMs: number[] | null = null;
  receivedFirst = 0;

  /** A limit keeps it from sending main more, see request-limits.ts. */
  isThrottled = false;
  /** When so few of its requests are outstanding it may have another turn. */
  rejoinsAt = 0;
  /** Requests that it may still send main in its turn; -1 when it is not in one. */
  allowance = -1;
  /** Since when the request at the head of its input has waited for request_throttle_max_requests; 0: it has not. */
  throttledSinceMs = 0;
  /** It waits in the worker's list of connections that met a full ring or a limit. */
  isHeldBack = false;
  /** Length of the frame at the head of its input, if large-requests.ts has counted it. */
  largeFrameBytes = 0;
  largeRequests: LargeRequest[] | null = null;

  reply: ReplyBuffer | null = null;
  isDirty = false;
  closesAfterFlush = false;

  dataWatches: WatchedPaths = null;
  childWatches: WatchedPaths = null;

  packetsReceived = 0;
  packetsSent = 0;
  /** 0 until the first request, -1 after crst. */
  lastOpcode = 0;
  lastCxid = -1;
  lastZxidHigh = -1;
  lastZxidLow = -1;
  lastResponseMs = 0;
  // Whole microseconds: as fractions of milliseconds each would be an object.
  lastLatencyUs = 0;
  latencyMinUs = 0;
  latencyMaxUs = 0;
  latencySumUs = 0;
  latencyCount = 0;

  /** `from`: who the client is, as far as its address tells. */
  constructor(id: number, socket: Socket, from: AddressIdentity, port: number, nowMs: number) {
    this.id = id;
    this.socket = socket;
    this.address = from.address;
    this.port = port;
    this.connectedAtMs = nowMs;
    this.identities = from.identities;
  }

  /** Bytes of replies that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.output.unsentBytes(this);
  }

  get inputBytes(): number {
    return this.inputEnd - this.inputStart;
  }

  /** Whether all of the frame at the head of the kept input is there. */
  get hasWholeFrame(): boolean {
    const { input, inputStart: at, inputBytes } = this;
    if (inputBytes < 4) return false;
    const length = (input[at] << 24) | (input[at + 1] << 16) | (input[at + 2] << 8) | input[at + 3];
    return inputBytes - 4 >= length;
  }

  /** Keeps `bytes[start, end)`, which cannot be processed yet, behind what is already kept. */
  keepInput(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start;
    const kept = this.inputBytes;
    if (this.inputEnd + added > this.input.length) {
      const size = kept + added;
      const old = this.input;
      const target = size > old.length ? takeInputBuffer(size) : old;
      target.set(old.subarray(this.inputStart, this.inputEnd));
      this.input = target;
      if (target !== old) giveInputBuffer(old);
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
    if (this.input.length <= 64 * 1024) return;
    giveInputBuffer(this.input);
    this.input = NO_INPUT;
  }

  requestForwarded(receivedAtMs: number): void {
    this.outstanding++;
    if (this.receivedAtMs === null) this.receivedAtMs = [receivedAtMs];
    else this.receivedAtMs.push(receivedAtMs);
  }

  /** The oldest outstanding request was answered: gives when it came. */
  requestAnswered(): number {
    const all = this.receivedAtMs;
    if (all === null) throw new Error('an answer to a connection that has not asked');
    this.outstanding--;
    const receivedAtMs = all[this.receivedFirst++];
    if (this.receivedFirst === all.length) {
      all.length = 0;
      this.receivedFirst = 0;
    } else if (this.receivedFirst > 1024) {
      all.splice(0, this.receivedFirst);
      this.receivedFirst = 0;
    }
    return receivedAtMs;
  }

  /** So many requests were answered at `nowMs`, each after the same time. */
  recordAnswers(latencyMs: number, nowMs: number, requests = 1): void {
    const latencyUs = Math.round(latencyMs * 1000);
    if (this.latencyCount === 0 || latencyUs < this.latencyMinUs) this.latencyMinUs = latencyUs;
    if (latencyUs > this.latencyMaxUs) this.latencyMaxUs = latencyUs;
    this.latencySumUs += latencyUs * requests;
    this.latencyCount += requests;
    this.lastLatencyUs = latencyUs;
    this.lastResponseMs = nowMs;
  }

  /** Forgets what was counted (crst). */
  resetStatistics(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.lastOpcode = -1;
    this.lastCxid = -1;
    this.lastZxidHigh = -1;
    this.lastZxidLow = -1;
    this.lastResponseMs = 0;
    this.lastLatencyUs = 0;
    this.latencyMinUs = 0;
    this.latencyMaxUs = 0;
    this.latencySumUs = 0;
    this.latencyCount = 0;
  }

  toString(): string {
    return `${this.address}:${this.port}`;
  }
}
