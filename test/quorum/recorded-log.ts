import type { QuorumLog, QuorumWarning } from '../../src/quorum/quorum-log.ts';

/** A log that remembers its lines. */
export class RecordedLog implements QuorumLog {
  readonly lines: string[] = [];

  info(text: string): void {
    this.lines.push(`info: ${text}`);
  }

  warn(kind: QuorumWarning, text: string): void {
    this.lines.push(`${kind}: ${text}`);
  }

  /** The lines that match. */
  matching(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }
}
