import fs from 'node:fs';

const BUFFER_BYTES = 1 << 16;
const WAIT_MS = 2;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Text to a file descriptor, written before more is made: a tool's output may be larger than memory, and a Node stream keeps
 * all that its reader has not taken yet. Who closes the other end (`| head`) ends the process quietly.
 */
export class Output {
  readonly #fd: number;
  #waiting: string[] = [];
  #waitingLength = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(text: string): void {
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    if (this.#waitingLength >= BUFFER_BYTES) this.flush();
  }

  line(text = ''): void {
    this.write(`${text}\n`);
  }

  /** To be called before anything else is said elsewhere, and at the end. */
  flush(): void {
    if (this.#waitingLength === 0) return;
    const bytes = Buffer.from(this.#waiting.join(''), 'utf8');
    this.#waiting = [];
    this.#waitingLength = 0;
    for (let at = 0; at < bytes.length; ) at += writeSome(this.#fd, bytes, at);
  }
}

function writeSome(fd: number, bytes: Uint8Array, at: number): number {
  try {
    return fs.writeSync(fd, bytes, at);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPIPE') process.exit(0);
    if (code !== 'EAGAIN') throw error;
    Atomics.wait(never, 0, 0, WAIT_MS);
    return 0;
  }
}

/** Lines that a person or a script types, read one at a time. */
export class LineInput {
  readonly #fd: number;
  #bytes = Buffer.alloc(0);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The next line without its end, null when there are no more. Waits for it. */
  next(): string | null {
    const more = Buffer.alloc(4096);
    for (;;) {
      const end = this.#bytes.indexOf(0x0a);
      if (end >= 0) return this.#take(end, end + 1);
      const count = readSome(this.#fd, more);
      if (count === 0)
        return this.#bytes.length > 0 ? this.#take(this.#bytes.length, this.#bytes.length) : null;
      this.#bytes = Buffer.concat([this.#bytes, more.subarray(0, count)]);
    }
  }

  #take(length: number, passed: number): string {
    const line = this.#bytes.toString('utf8', 0, length).replace(/\r$/, '');
    this.#bytes = this.#bytes.subarray(passed);
    return line;
  }
}

function readSome(fd: number, bytes: Uint8Array): number {
  for (;;) {
    try {
      return fs.readSync(fd, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, WAIT_MS);
    }
  }
}
