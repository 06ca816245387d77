import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PropertiesError, parseProperties } from '../../src/server/properties.js';
const parse = (text) => parseProperties(Buffer.from(text, 'utf8'));
const pairs = (text) => parse(text).map(({ key, value }) => `${key}|${value}`);
// Expected values as java.util.Properties.load gives them (checked against OpenJDK 17), but for the byte order mark.
const cases = [
    ['plain', 'a=1\nb=2\n', ['a|1', 'b|2']],
    ['no newline at the end', 'a=1', ['a|1']],
    ['CRLF', 'a=1\r\nb=2\r\n', ['a|1', 'b|2']],
    ['old Mac line ends', 'a=1\rb=2\r', ['a|1', 'b|2']],
    ['blank lines, comments', '\n  # c=1\n\t! d=2\n\f\na=1 # kept\n', ['a|1 # kept']],
    ['separators', 'a = 1\nb:2\nc 3\nd\t:\t4\ne  5 6\n', ['a|1', 'b|2', 'c|3', 'd|4', 'e|5 6']],
    ['one separator only', 'a==1\nb:=2\nc = = 3\n', ['a|=1', 'b|=2', 'c|= 3']],
    ['stray spaces', '   a=1   \n', ['a|1   ']],
    ['key alone, empty value, empty key', 'a\nb=\n=c\n', ['a|', 'b|', '|c']],
    ['continuation', 'a=1,\\\n   2,\\\r\n\t3\nb=x\n', ['a|1,2,3', 'b|x']],
    ['continued by a comment sign', 'a=1\\\n#2\n', ['a|1#2']],
    ['comments do not continue', '# a\\\nb=1\n', ['b|1']],
    ['continuation ended by a blank line', 'a=1\\\n\nb=2\n', ['a|1', 'b|2']],
    ['continuation of nothing', '\\\n# comment\n\\\nb=2\n', ['b|2']],
    ['even number of backslashes', 'a=C:\\\\\nb=2\n', ['a|C:\\', 'b|2']],
    ['backslash at the end of the file', 'a=1\\', ['a|1']],
    ['escapes', 'a=\\t\\n\\r\\f\\q\\\\\\:\n', ['a|\t\n\r\fq\\:']],
    ['escaped separators in the key', 'a\\=b\\:c\\ d=1\n', ['a=b:c d|1']],
    ['unicode', 'd=\\u00e4\\u20AC\\u0041\n', ['d|ä€A']],
    ['unicode in the key', '\\u0061b=1\n', ['ab|1']],
    ['repeated keys', 'a=1\na=2\n', ['a|1', 'a|2']],
    ['ISO-8859-1', 'd=ä\n', ['d|Ã¤']],
    ['byte order mark', '\uFEFFa=1\n', ['a|1']],
    ['nothing', '', []],
];
for (const [what, text, expected] of cases) {
    test(`properties: ${what}`, () => assert.deepEqual(pairs(text), expected));
}
test('properties keep the line on which they begin', () => {
    const lines = parse('# one\n\na=1,\\\n  2\r\n\rb=2').map(({ key, line }) => [key, line]);
    assert.deepEqual(lines, [
        ['a', 3],
        ['b', 6],
    ]);
});
test('a malformed \\u names its line', () => {
    for (const text of ['a=1\nb=C:\\users', 'a=1\nb=\\u12', 'a=1\nb=\\u+123', 'a=1\nb=\\u']) {
        assert.throws(() => parse(text), (error) => error instanceof PropertiesError && error.line === 2 && /four hexadecimal digits/.test(error.message), text);
    }
});
test('UTF-16 is refused by name', () => {
    assert.throws(() => parseProperties(Buffer.from('\uFEFFa=1\n', 'utf16le')), /UTF-16/);
});
