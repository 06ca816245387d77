const QUIET_MS = 1000;
const INTERVAL_MS = 1000;

/** Says on stderr how far a long work is: nothing in its first second, then a line each second. */
export class Progress {
  readonly #say: (line: string) => void;
  readonly #what: string;
  readonly #now: () => number;
  #nextMs: number;

  /** `now` gives milliseconds. */
  constructor(
    what: string,
    say: (line: string) => void = sayOnStderr,
    now: () => number = () => performance.now(),
  ) {
    this.#what = what;
    this.#say = say;
    this.#now = now;
    this.#nextMs = now() + QUIET_MS;
  }

  /** Bytes of the file gone through. Cheap enough to be called for each thousandth record. */
  report(bytesDone: number, bytesTotal: number): void {
    const nowMs = this.#now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + INTERVAL_MS;
    const percent = bytesTotal === 0 ? 100 : Math.floor((100 * bytesDone) / bytesTotal);
    this.#say(`${this.#what}: ${mebibytes(bytesDone)} of ${mebibytes(bytesTotal)} MiB, ${percent} %`);
  }
}

function sayOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

function mebibytes(bytes: number): string {
  return (bytes / 1048576).toFixed(0);
}
