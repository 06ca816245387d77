import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

export type { Logger } from 'pino';

export const logFormats = ['pretty', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  /** Who speaks: `main`, `connection-1`, `log` ... */
  readonly thread: string;
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Where lines go instead of stdout; for tests. */
  readonly output?: DestinationStream;
}

/**
 * A logger that writes whole lines to stdout before it returns, from any thread: nothing is lost when the process ends
 * right after, and lines of several threads do not mix. `pretty` is one line per message for people and grep
 * (`[time] LEVEL: [thread] message`), with UTC times; `json` is pino's, with the level by name.
 */
export function createLogger({ thread, format, level, output }: LoggerOptions): Logger {
  const stdout = output ?? destination({ fd: 1, sync: true });
  const options = {
    level,
    base: { thread },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, format === 'json' ? stdout : prettyStream(stdout));
}

function prettyStream(output: DestinationStream): DestinationStream {
  const pretty = prettyFactory({
    colorize: process.stdout.isTTY === true,
    ignore: 'pid,hostname,thread',
    translateTime: 'UTC:yyyy-mm-dd"T"HH:MM:ss.l"Z"',
    singleLine: true,
    messageFormat: ({ thread, msg }) => `[${String(thread)}] ${onOneLine(String(msg))}`,
  });
  return {
    write(line) {
      output.write(pretty(line) ?? line);
    },
  };
}

/** What a client sent may stand in a message: it must not be able to forge lines or move the terminal's cursor. */
function onOneLine(message: string): string {
  return message.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

interface KindCount {
  written: number;
  suppressed: number;
  timer: NodeJS.Timeout;
}

/**
 * Warnings that outsiders can provoke at will: at most `linesPerIntervalMax` lines of a kind per interval, and at its
 * end one that says how many were left out. Kinds are names in the code, never text from outside, so they stay few.
 */
export class LimitedLog {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #linesPerIntervalMax: number;
  readonly #intervalMs: number;
  readonly #kinds = new Map<string, KindCount>();

  constructor(logger: Pick<Logger, 'warn'>, linesPerIntervalMax = 5, intervalMs = 10_000) {
    this.#logger = logger;
    this.#linesPerIntervalMax = linesPerIntervalMax;
    this.#intervalMs = intervalMs;
  }

  /** Gives whether the line was written. */
  warn(kind: string, message: string): boolean {
    let count = this.#kinds.get(kind);
    if (count === undefined) {
      // Unref'd: a pending summary keeps no process alive.
      const timer = setTimeout(() => this.#endInterval(kind), this.#intervalMs).unref();
      count = { written: 0, suppressed: 0, timer };
      this.#kinds.set(kind, count);
    }
    if (count.written >= this.#linesPerIntervalMax) {
      count.suppressed++;
      return false;
    }
    count.written++;
    this.#logger.warn(message);
    return true;
  }

  /** Writes the summaries that are due; for the end of a process. */
  close(): void {
    for (const [kind, count] of this.#kinds) {
      clearTimeout(count.timer);
      this.#endInterval(kind);
    }
  }

  #endInterval(kind: string): void {
    const suppressed = this.#kinds.get(kind)?.suppressed ?? 0;
    this.#kinds.delete(kind);
    if (suppressed > 0) {
      this.#logger.warn(
        `${kind}: ${suppressed} more such lines in ${this.#intervalMs / 1000} s were left out`,
      );
    }
  }
}
