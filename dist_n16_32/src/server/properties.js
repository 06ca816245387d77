/** Bytes that are no properties file: a malformed `\uXXXX`, or another encoding. */
export class PropertiesError extends Error {
    name = 'PropertiesError';
    /** Counted from 1. */
    line;
    constructor(line, message) {
        super(message);
        this.line = line;
    }
}
const BLANKS = ' \t\f';
/**
 * Reads a file in Java-properties syntax (java.util.Properties.load, which is what reads a zoo.cfg): `#` and `!` comments,
 * lines continued by a backslash, escapes, keys ended by `=`, `:` or a blank. Gives the entries in the order of the
 * file, repeated keys included (in Java the last one counts). The bytes are ISO-8859-1, as Java takes them, so that a
 * path in the file names the same directory for both. Beyond Java, a leading UTF-8 byte order mark is skipped.
 * Throws {@link PropertiesError}.
 */
export function parseProperties(bytes) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    if (text.startsWith('\xff\xfe') || text.startsWith('\xfe\xff')) {
        throw new PropertiesError(1, 'the file is in UTF-16: save it as plain text (ASCII or UTF-8)');
    }
    const withoutMark = text.startsWith('\xef\xbb\xbf') ? text.slice(3) : text;
    return logicalLines(withoutMark).map(parseLine);
}
/** Joins continued lines and leaves out blank ones and comments. */
function logicalLines(text) {
    const lines = [];
    let continued = null;
    for (const [index, natural] of text.split(/\r\n|\n|\r/).entries()) {
        const trimmed = trimBlanksLeft(natural);
        if (continued === null && (trimmed === '' || trimmed[0] === '#' || trimmed[0] === '!'))
            continue;
        const endsInBackslash = countBackslashesAtEnd(trimmed) % 2 === 1;
        const part = endsInBackslash ? trimmed.slice(0, -1) : trimmed;
        const joined = continued === null
            ? { text: part, line: index + 1 }
            : { text: continued.text + part, line: continued.line };
        // A continuation that has brought nothing yet leaves the line as if it had not begun, as in Java.
        if (endsInBackslash)
            continued = joined.text === '' ? null : joined;
        else {
            lines.push(joined);
            continued = null;
        }
    }
    if (continued !== null)
        lines.push(continued);
    return lines;
}
function trimBlanksLeft(text) {
    let start = 0;
    while (start < text.length && BLANKS.includes(text[start]))
        start++;
    return text.slice(start);
}
function countBackslashesAtEnd(text) {
    let count = 0;
    while (count < text.length && text[text.length - 1 - count] === '\\')
        count++;
    return count;
}
function parseLine({ text, line }) {
    let keyEnd = 0;
    while (keyEnd < text.length && !`${BLANKS}=:`.includes(text[keyEnd]))
        keyEnd += text[keyEnd] === '\\' ? 2 : 1;
    keyEnd = Math.min(keyEnd, text.length);
    let rest = trimBlanksLeft(text.slice(keyEnd));
    if (rest[0] === '=' || rest[0] === ':')
        rest = trimBlanksLeft(rest.slice(1));
    return { key: resolveEscapes(text.slice(0, keyEnd), line), value: resolveEscapes(rest, line), line };
}
function resolveEscapes(text, line) {
    if (!text.includes('\\'))
        return text;
    return text.replace(/\\(?:u(.{0,4})|([\s\S])|$)/g, (_, unicode, other) => {
        if (unicode !== undefined) {
            if (!/^[0-9a-fA-F]{4}$/.test(unicode)) {
                throw new PropertiesError(line, `\\u${unicode} is no character: \\u takes four hexadecimal digits (a backslash is written \\\\)`);
            }
            return String.fromCharCode(Number.parseInt(unicode, 16));
        }
        switch (other) {
            case 't':
                return '\t';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 'f':
                return '\f';
            default:
                return other ?? '';
        }
    });
}
