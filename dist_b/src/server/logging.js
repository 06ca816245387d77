import { destination, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
export const logFormats = ['pretty', 'json'];
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
/**
 * A logger that writes whole lines to stdout before it returns, from any thread: nothing is lost when the process ends
 * right after, and lines of several threads do not mix. `pretty` is one line per message for people and grep
 * (`[time] LEVEL: [thread] message`), with UTC times; `json` is pino's, with the level by name.
 */
export function createLogger({ thread, format, level, output }) {
    const stdout = output ?? destination({ fd: 1, sync: true });
    const options = {
        level,
        base: { thread },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
    };
    return pino(options, format === 'json' ? stdout : prettyStream(stdout));
}
function prettyStream(output) {
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
function onOneLine(message) {
    return message.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
        if (character === '\n')
            return '\\n';
        if (character === '\t')
            return '\\t';
        return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
}
/**
 * Warnings that outsiders can provoke at will: at most `linesPerIntervalMax` lines of a kind per interval, and at its
 * end one that says how many were left out. Kinds are names in the code, never text from outside, so they stay few.
 */
export class LimitedLog {
    #logger;
    #linesPerIntervalMax;
    #intervalMs;
    #kinds = new Map();
    constructor(logger, linesPerIntervalMax = 5, intervalMs = 10_000) {
        this.#logger = logger;
        this.#linesPerIntervalMax = linesPerIntervalMax;
        this.#intervalMs = intervalMs;
    }
    /** Gives whether the line was written. */
    warn(kind, message) {
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
    close() {
        for (const [kind, count] of this.#kinds) {
            clearTimeout(count.timer);
            this.#endInterval(kind);
        }
    }
    #endInterval(kind) {
        const suppressed = this.#kinds.get(kind)?.suppressed ?? 0;
        this.#kinds.delete(kind);
        if (suppressed > 0) {
            this.#logger.warn(`${kind}: ${suppressed} more such lines in ${this.#intervalMs / 1000} s were left out`);
        }
    }
}
