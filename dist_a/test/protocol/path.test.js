import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hasNul, isValidPath, lastSlash } from '../../src/protocol/path.js';
/** protocol/client.md §4.2 as it reads, on text. */
function isValidByTheBook(path) {
    if (path === '/')
        return true;
    if (!path.startsWith('/') || path.endsWith('/'))
        return false;
    for (const component of path.slice(1).split('/'))
        if (['', '.', '..'].includes(component))
            return false;
    for (const unit of path.split('').map((character) => character.charCodeAt(0))) {
        if (unit <= 0x1f)
            return false;
        if (unit >= 0x7f && unit <= 0x9f)
            return false;
        if (unit >= 0xd800 && unit <= 0xf8ff)
            return false;
        if (unit >= 0xfff0)
            return false;
    }
    return true;
}
/** Asks about the bytes in surroundings that would change the answer if they were looked at. */
function isValidBytes(bytes) {
    const answers = ['/', 'a', '\u0000', '.'].map((around) => {
        const framed = Buffer.concat([Buffer.from(around), bytes, Buffer.from(around)]);
        return isValidPath(framed, 1, bytes.length);
    });
    assert.equal(new Set(answers).size, 1);
    return answers[0];
}
const EDGES = [
    0x00, 0x01, 0x1f, 0x20, 0x2e, 0x2f, 0x7e, 0x7f, 0x80, 0x9f, 0xa0, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdfff,
    0xe000, 0xf8ff, 0xf900, 0xfeff, 0xffef, 0xfff0, 0xffff, 0x10000, 0x10ffff,
];
const anyCharacter = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'Z', '0', '-', '.', '.', '/', 'é', '漢') }, { weight: 2, arbitrary: fc.constantFrom(...EDGES).map((code) => String.fromCodePoint(code)) }, { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) });
const anyPath = fc
    .tuple(fc.constantFrom('/', '/', '/', ''), fc.array(anyCharacter, { maxLength: 12 }))
    .map(([start, characters]) => start + characters.join(''));
describe('a path', () => {
    it('is valid as ZooKeeper says', () => {
        for (const path of [
            '/',
            '/a',
            '/a/b',
            '/...',
            '/a..',
            '/.a',
            '/a b',
            '/é',
            '/漢/字',
            '/\ufeff',
            '/\uffef',
            '/\ud7ff',
        ]) {
            assert.ok(isValidBytes(Buffer.from(path)), path);
        }
        const bad = [
            '',
            'a',
            'a/b',
            '//',
            '/a/',
            '/a//b',
            '/.',
            '/..',
            '/a/./b',
            '/a/..',
            '/\u0000',
            '/a\u001f',
            '/\u007f',
        ];
        for (const path of [
            ...bad,
            '/\u0080',
            '/\u009f',
            '/\ue000',
            '/\uf8ff',
            '/\ufff0',
            '/\uffff',
            '/é/',
            '/é//a',
            '/é/.',
        ]) {
            assert.equal(isValidBytes(Buffer.from(path)), false, JSON.stringify(path));
        }
        assert.equal(isValidBytes(Buffer.from('/😀')), false, 'beyond the basic plane');
    });
    it('is not valid when it is null', () => {
        assert.equal(isValidPath(Buffer.from('/a'), 0, -1), false);
    });
    it('is not valid when it is no UTF-8', () => {
        const bad = [[0xff], [0xc0, 0xaf], [0xc3], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]];
        for (const bytes of bad)
            assert.equal(isValidBytes(Uint8Array.of(0x2f, ...bytes)), false, bytes.join());
    });
    it('is valid exactly when a plain reading of the rules says so', () => {
        let valid = 0;
        fc.assert(fc.property(anyPath, (path) => {
            const bytes = Buffer.from(path);
            const expected = isValidByTheBook(bytes.toString());
            if (expected)
                valid++;
            assert.equal(isValidBytes(bytes), expected);
        }), { numRuns: 5000 });
        assert.ok(valid > 300, `only ${valid} of the paths were valid`);
    });
    it('is judged by its text for any bytes', () => {
        const anyByte = fc.oneof(fc.constantFrom(0x2f, 0x2e, 0x61), fc.nat(255));
        fc.assert(fc.property(fc.array(anyByte, { maxLength: 8 }), (rest) => {
            const bytes = Uint8Array.of(0x2f, ...rest);
            assert.equal(isValidBytes(bytes), isValidByTheBook(Buffer.from(bytes).toString()));
        }), { numRuns: 2000 });
    });
});
describe('looking into a path', () => {
    it('finds the last slash within the path only', () => {
        const bytes = Buffer.from('/x/ab/cd/');
        assert.equal(lastSlash(bytes, 2, 3), 2);
        assert.equal(lastSlash(bytes, 2, 6), 5);
        assert.equal(lastSlash(bytes, 3, 2), -1);
        assert.equal(lastSlash(bytes, 0, 0), -1);
        assert.equal(lastSlash(bytes, 4, -1), -1);
    });
    it('finds a NUL within the path only', () => {
        const bytes = Buffer.from('\u0000/a\u0000b\u0000');
        assert.equal(hasNul(bytes, 1, 2), false);
        assert.equal(hasNul(bytes, 1, 3), true);
        assert.equal(hasNul(bytes, 4, 1), false);
        assert.equal(hasNul(bytes, 0, 1), true);
        assert.equal(hasNul(bytes, 0, -1), false);
    });
});
