// Hot path: one write a turn, however much was queued in it; nothing is made but a view for each piece of memory.

import type { Socket } from 'node:net';
import { PacketBatch } from './packet-batch.ts';
import type { Segment, SendBufferPool } from './send-buffer.ts';

/** Where a source writes. */
export type SourceTarget = Pick<PacketBatch, 'raw' | 'proposal' | 'commits'>;

/**
 * Gives the bytes of something long (a snapshot, a part of the log) as the socket takes them; what is queued behind it
 * waits for its end.
 */
export interface SendSource {
  /**
   * Writes some more, at best some 100 KB, to `batch`. `later`: there is nothing now; sourceReady is to be called when
   * there is. `end`: that was all; never after a failure, as nothing may follow what is not whole.
   */
  fill(target: SourceTarget): 'more' | 'later' | 'end';
  /** The connection is gone, or being closed, before the end. */
  cancel(): void;
}

export interface SendQueueEvents {
  /** More than `bytesMax` wait. */
  full(bytes: number): void;
  /**
   * The other side has taken bytes for which it had made us wait, or the system has taken a source's: it is alive, or it is not
   * its silence alone. Of one that takes nothing the system soon takes no more.
   */
  taken(): void;
}

/** What it costs to keep a segment, besides its bytes. */
const SEGMENT_COST_BYTES = 100;
/** A write takes so much at most, so that progress can be seen. */
const WRITE_BYTES_MAX = 1024 * 1024;

/**
 * What waits for a socket: own packets, shared ones and sources, in order. One write is under way at a time; what is
 * queued meanwhile goes with the next one.
 */
export class SendQueue {
  /** Memory that waits or is being written; what sources have not given yet is not counted. */
  waitingBytes = 0;
  readonly #socket: Socket;
  readonly #bytesMax: number;
  readonly #events: SendQueueEvents;
  readonly #own: PacketBatch;
  readonly #fromSource: PacketBatch;
  readonly #queue: (Segment | SendSource)[] = [];
  #writing: Segment[] = [];
  #spareList: Segment[] = [];
  /** The write under way was not taken at once, or is a source's. */
  #hasWaited = false;
  #isWriting = false;
  #isScheduled = false;
  #isEnding = false;
  #isClosed = false;

  constructor(socket: Socket, pool: SendBufferPool, bytesMax: number, events: SendQueueEvents) {
    this.#socket = socket;
    this.#bytesMax = bytesMax;
    this.#events = events;
    this.#own = new PacketBatch(pool);
    this.#fromSource = new PacketBatch(pool);
  }

  /** Where packets for this connection alone are written; they leave at the end of the turn. */
  get own(): PacketBatch {
    this.schedule();
    return this.#own;
  }

  /** Queues what was written to a batch that others get, too. */
  share(batch: PacketBatch): void {
    if (this.#isClosed) return;
    this.#queueOwn();
    batch.forEachSegment((segment) => {
      segment.buffer.retain();
      this.#push(segment);
    });
    this.schedule();
  }

  /** Queues everything that a source gives. */
  source(source: SendSource): void {
    if (this.#isClosed) {
      source.cancel();
      return;
    }
    this.#queueOwn();
    this.#queue.push(source);
    this.schedule();
  }

  /** What waits is written at the end of this turn of the event loop. Also for a source that has more now. */
  schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }

  /** Ends the socket behind what was queued; a source that has not come to its end ends it there. */
  end(): void {
    this.#isEnding = true;
    this.#queueOwn();
    const first = this.#queue.findIndex((item) => !isSegment(item));
    if (first >= 0) for (const item of this.#queue.splice(first)) this.#drop(item);
    this.schedule();
  }

  /** Lets go of all memory; nothing is sent any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#own.clear();
    this.#fromSource.clear();
    for (const item of this.#queue.splice(0)) this.#drop(item);
  }

  #drop(item: Segment | SendSource): void {
    if (!isSegment(item)) {
      item.cancel();
      return;
    }
    this.waitingBytes -= costOf(item);
    item.buffer.release();
  }

  #queueOwn(): void {
    this.#own.drain((segment) => this.#push(segment));
  }

  #push(segment: Segment): void {
    this.waitingBytes += costOf(segment);
    this.#queue.push(segment);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    this.#queueOwn();
    if (this.waitingBytes > this.#bytesMax) {
      this.#events.full(this.waitingBytes);
      return;
    }
    if (this.#isWriting) return;
    this.#gather();
    if (this.#writing.length > 0) this.#write();
    else if (this.#isEnding && this.#queue.length === 0) this.#socket.end();
  };

  /** Takes from the queue what goes with the next write. */
  #gather(): void {
    let bytes = 0;
    while (bytes < WRITE_BYTES_MAX) {
      const item = this.#queue.at(0);
      if (item === undefined) return;
      if (isSegment(item)) {
        this.#queue.shift();
        this.#writing.push(item);
        bytes += item.end - item.start;
        continue;
      }
      const state = item.fill(this.#fromSource);
      if (this.#isClosed) return;
      this.#fromSource.drain((segment) => {
        this.#hasWaited = true;
        this.waitingBytes += costOf(segment);
        bytes += segment.end - segment.start;
        this.#writing.push(segment);
      });
      if (state === 'end') this.#queue.shift();
      else if (state === 'later') return;
    }
  }

  #write(): void {
    const socket = this.#socket;
    this.#isWriting = true;
    socket.cork();
    const last = this.#writing.length - 1;
    for (let i = 0; i <= last; i++) {
      const { buffer, start, end } = this.#writing[i];
      const view = buffer.bytes.subarray(start, end);
      if (i < last) socket.write(view);
      else socket.write(view, this.#onWritten);
    }
    socket.uncork();
    this.#hasWaited ||= socket.writableLength > 0;
  }

  /** With an error or without: the memory is no longer needed. */
  readonly #onWritten = (error?: Error | null): void => {
    const written = this.#writing;
    this.#writing = this.#spareList;
    this.#spareList = written;
    for (const segment of written) {
      this.waitingBytes -= costOf(segment);
      segment.buffer.release();
    }
    written.length = 0;
    this.#isWriting = false;
    if (this.#isClosed || error) return;
    if (this.#hasWaited) this.#events.taken();
    this.#hasWaited = false;
    if (this.#queue.length > 0 || this.#isEnding) this.schedule();
  };
}

function costOf(segment: Segment): number {
  return segment.end - segment.start + SEGMENT_COST_BYTES;
}

function isSegment(item: Segment | SendSource): item is Segment {
  return 'buffer' in item;
}
