import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JuteError, JuteReader } from '../../src/jute/reader.js';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { OPEN_ACL_BYTES, readAcls } from '../../src/protocol/acl.js';
import { fixUpAcls } from '../../src/txn/acl-fixup.js';
import { OPEN, writeAclList } from './requests.js';
const ANN = { scheme: 'digest', id: 'ann:x' };
const BOB = { scheme: 'digest', id: 'bob:y' };
const PLAIN = { scheme: 'ip', id: '10.0.0.1' };
const SUPER = { scheme: 'super', id: '' };
/** The list that is stored for what was asked for; null where it is refused. */
function fixUp(asked, identities = [PLAIN], bytesMax = 1 << 16) {
    const request = new GrowingJuteWriter();
    writeAclList(request, asked);
    request.writeInt(77);
    const reader = new JuteReader(request.written().slice());
    const fixed = fixUpAcls(reader, identities, bytesMax);
    if (fixed === null)
        return null;
    assert.equal(reader.readInt(), 77, 'the reader stands behind the list');
    const list = readAcls(new JuteReader(fixed));
    return list?.map(({ permissions, scheme, id }) => [permissions, scheme, id]) ?? null;
}
describe('fixUpAcls', () => {
    it('takes the open list as the constant that stands for it', () => {
        const reader = new JuteReader(Buffer.concat([OPEN_ACL_BYTES, Buffer.alloc(4)]));
        assert.equal(fixUpAcls(reader, [], 0), OPEN_ACL_BYTES);
        assert.equal(reader.remaining, 4);
    });
    it('refuses a missing and an empty list, and entries without scheme or id', () => {
        assert.equal(fixUp(null), null);
        assert.equal(fixUp([]), null);
        assert.equal(fixUp([[31, null, 'anyone']]), null);
        assert.equal(fixUp([[31, 'world', null]]), null);
    });
    it('keeps permissions unchecked, and the order', () => {
        const asked = [
            [0, 'world', 'anyone'],
            [-1, 'digest', 'zoe:1'],
            [64, 'ip', '10.1.0.0/16'],
            [1, 'digest', 'ann:x'],
        ];
        assert.deepEqual(fixUp(asked), asked);
    });
    it('drops exact duplicates only', () => {
        const asked = [[1, 'world', 'anyone'], [2, 'world', 'anyone'], ...OPEN, [1, 'world', 'anyone']];
        assert.deepEqual(fixUp(asked), asked.slice(0, 3));
        assert.deepEqual(fixUp([...OPEN, ...OPEN]), OPEN);
    });
    it('replaces auth by each proven identity, with the permissions asked for', () => {
        const expanded = [
            [5, 'digest', 'ann:x'],
            [5, 'digest', 'bob:y'],
        ];
        assert.deepEqual(fixUp([[5, 'auth', 'whatever']], [PLAIN, ANN, SUPER, BOB]), expanded);
        // Not de-duplicated again.
        assert.deepEqual(fixUp([
            [5, 'digest', 'ann:x'],
            [5, 'auth', ''],
        ], [ANN]), [expanded[0], expanded[0]]);
    });
    it('refuses auth where nobody is proven', () => {
        assert.equal(fixUp([[31, 'auth', '']], [PLAIN, SUPER]), null);
        assert.equal(fixUp([...OPEN, [31, 'auth', '']], []), null);
    });
    it('refuses ids that their scheme does not have, and schemes that nobody provides', () => {
        const refused = [
            ...[
                [31, 'world', 'someone'],
                [31, 'world', ''],
                [31, 'super', ''],
                [31, 'sasl', 'ann'],
                [31, '', ''],
            ],
            ...[
                [31, 'digest', 'ann'],
                [31, 'digest', 'a:b:c'],
                [31, 'digest', ''],
                [31, 'digest', 'ann:'],
            ],
            ...[
                [31, 'ip', '10.0.0'],
                [31, 'ip', '10.0.0.1/33'],
                [31, 'ip', '::1/129'],
                [31, 'ip', '10.0.0.1/-1'],
            ],
            ...[
                [31, 'ip', '10.0.0.1/8/8'],
                [31, 'ip', 'localhost'],
                [31, 'ip', ''],
            ],
        ];
        for (const entry of refused) {
            assert.equal(fixUp([entry]), null, JSON.stringify(entry));
            assert.equal(fixUp([...OPEN, entry]), null, JSON.stringify(entry));
        }
        for (const entry of [
            [1, 'digest', ':x'],
            [1, 'ip', '::1'],
            [1, 'ip', '0.0.0.0/0'],
            [1, 'digest', 'a:b::'],
        ]) {
            assert.deepEqual(fixUp([entry]), [entry]);
        }
    });
    it('bounds what auth may be expanded to', () => {
        const many = Array.from({ length: 100 }, (_, i) => ({ scheme: 'digest', id: `user${i}:${'h'.repeat(28)}` }));
        const asked = Array.from({ length: 31 }, (_, i) => [i + 1, 'auth', '']);
        assert.throws(() => fixUp(asked, many, 4096), JuteError);
        assert.equal(fixUp(asked, many, 1 << 20)?.length, 3100);
    });
    it('refuses a list that is cut short', () => {
        const writer = new GrowingJuteWriter();
        writeAclList(writer, [[1, 'world', 'anyone']]);
        const whole = writer.written().slice();
        for (let end = 0; end < whole.length; end++) {
            assert.throws(() => fixUpAcls(new JuteReader(whole.slice(0, end)), [], 100), JuteError, `cut at ${end}`);
        }
    });
});
