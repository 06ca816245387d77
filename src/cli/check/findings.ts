/** What a check has found, line by line: facts as they come, what differs and what is in the way at the end. */
export class Findings {
  /** Each keeps a server from starting, or from serving as its clients are used to. */
  readonly blockers: string[] = [];
  /** Each is otherwise than with Apache, or wants a look; the server starts. */
  readonly differences: string[] = [];
  readonly #say: (line: string) => void;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  section(title: string): void {
    this.#say(title);
  }

  fact(name: string, text: string): void {
    this.#say(`  ${name.padEnd(12)} ${text}`);
  }

  block(problem: string): void {
    if (!this.blockers.includes(problem)) this.blockers.push(problem);
  }

  differ(difference: string): void {
    if (!this.differences.includes(difference)) this.differences.push(difference);
  }

  /** Says what differs and the verdict. Gives the exit code. */
  conclude(): number {
    if (this.differences.length > 0) {
      this.#say('differs from Apache ZooKeeper, or wants a look');
      for (const difference of this.differences) this.#say(`  - ${difference}`);
    }
    if (this.blockers.length === 0) {
      this.#say('ready');
      return 0;
    }
    this.#say('not ready, in the way:');
    for (const problem of this.blockers) this.#say(`  - ${problem}`);
    return 1;
  }
}

/** As a person reads a size. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const [unit, divisor] =
    bytes < 1024 ** 2 ? ['KiB', 1024] : bytes < 1024 ** 3 ? ['MiB', 1024 ** 2] : ['GiB', 1024 ** 3];
  return `${(bytes / (divisor as number)).toFixed(1)} ${unit}`;
}

/** As a person reads a duration. */
export function durationText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
