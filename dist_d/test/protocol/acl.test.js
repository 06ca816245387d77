import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JuteError, JuteReader } from '../../src/jute/reader.js';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { aclsAllow, isValidAclId, OPEN_ACL_BYTES, readAcls, readIdentities, writeAcls, writeIdentities, } from '../../src/protocol/acl.js';
import { Permission } from '../../src/protocol/opcode.js';
const anyText = fc.option(fc.string({ unit: 'grapheme', maxLength: 12 }), { nil: null });
const anyAcl = fc.record({ permissions: fc.integer(), scheme: anyText, id: anyText }, { noNullPrototype: true });
function serialised(acls) {
    const writer = new GrowingJuteWriter();
    writeAcls(writer, acls);
    return writer.written();
}
const world = (permissions) => ({ permissions, scheme: 'world', id: 'anyone' });
const digest = (id) => ({ scheme: 'digest', id });
const ip = (id) => ({ scheme: 'ip', id });
describe('a list of ACLs', () => {
    it('is read as it was written', () => {
        fc.assert(fc.property(fc.array(anyAcl), (acls) => {
            const reader = new JuteReader(serialised(acls));
            assert.deepEqual(readAcls(reader), acls);
            assert.equal(reader.remaining, 0);
        }));
    });
    it('may be null', () => {
        assert.equal(readAcls(new JuteReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff))), null);
    });
    it('is refused when it is cut short anywhere', () => {
        const bytes = serialised([world(1), { permissions: 2, scheme: null, id: 'x' }]);
        for (let end = 0; end < bytes.length; end++) {
            const reader = new JuteReader();
            reader.reset(bytes, 0, end);
            assert.throws(() => readAcls(reader), JuteError, `${end} bytes`);
        }
    });
    it('is open in the bytes that stand for the open list', () => {
        assert.deepEqual(OPEN_ACL_BYTES, serialised([world(Permission.all)]));
    });
});
describe('a list of identities', () => {
    it('is read as it was written', () => {
        const anyIdentity = fc.record({ scheme: fc.string(), id: fc.string({ unit: 'grapheme' }) }, { noNullPrototype: true });
        fc.assert(fc.property(fc.array(anyIdentity), (identities) => {
            const writer = new GrowingJuteWriter();
            writeIdentities(writer, identities);
            assert.deepEqual(readIdentities(new JuteReader(writer.written())), identities);
        }));
    });
    it('has neither null schemes nor null ids', () => {
        const writer = new GrowingJuteWriter();
        writer.writeInt(1);
        writer.writeString('ip');
        writer.writeString(null);
        assert.throws(() => readIdentities(new JuteReader(writer.written())), JuteError);
    });
});
describe('permission', () => {
    const user = { permissions: Permission.write, scheme: 'digest', id: 'u:h' };
    const cases = [
        ['an empty list allows all', [], Permission.admin, [], true],
        ['the world may', [world(Permission.read)], Permission.read, [], true],
        [
            'the world may not do something else',
            [world(Permission.read)],
            Permission.write,
            [ip('1.1.1.1')],
            false,
        ],
        ['any of the wanted is enough', [world(Permission.read)], Permission.read | Permission.admin, [], true],
        ['the user may', [user], Permission.write, [ip('1.1.1.1'), digest('u:h')], true],
        ['another user may not', [user], Permission.write, [digest('u:i')], false],
        [
            'the same id under another scheme may not',
            [user],
            Permission.write,
            [{ scheme: 'x', id: 'u:h' }],
            false,
        ],
        ['a later entry counts too', [world(1), user], Permission.write, [digest('u:h')], true],
        ['super may do all', [user], Permission.admin, [{ scheme: 'super', id: '' }], true],
        [
            'only world:anyone is everybody',
            [{ ...world(31), id: 'someone' }],
            Permission.read,
            [ip('1.1.1.1')],
            false,
        ],
        ['an address may', [{ permissions: 1, scheme: 'ip', id: '10.0.0.0/8' }], 1, [ip('10.2.3.4')], true],
        [
            'an address elsewhere may not',
            [{ permissions: 1, scheme: 'ip', id: '10.0.0.0/8' }],
            1,
            [ip('11.2.3.4')],
            false,
        ],
        [
            'IPv6',
            [{ permissions: 1, scheme: 'ip', id: '2001:db8::/32' }],
            1,
            [ip('2001:db8:0:0:0:0:0:1')],
            true,
        ],
        [
            'a broken prefix allows nobody',
            [{ permissions: 1, scheme: 'ip', id: '10.0.0.0/x' }],
            1,
            [ip('10.0.0.0')],
            false,
        ],
        ['a null id allows nobody', [{ permissions: 1, scheme: 'ip', id: null }], 1, [ip('10.0.0.0')], false],
        [
            'a null scheme allows nobody',
            [{ permissions: 1, scheme: null, id: 'anyone' }],
            1,
            [ip('10.0.0.0')],
            false,
        ],
    ];
    for (const [what, acls, permissions, identities, expected] of cases) {
        it(what, () => assert.equal(aclsAllow(acls, permissions, identities), expected));
    }
});
describe('an id in an ACL', () => {
    const cases = [
        ['digest', ['u:h', ':h', 'u:h:', 'u:h::'], ['', 'u', 'u:', ':', 'u:h:x', '::x']],
        [
            'ip',
            ['1.2.3.4', '1.2.3.4/0', '1.2.3.4/32', '::', '::1/128', '2001:db8::/32'],
            [
                '',
                '1.2.3',
                '1.2.3.4/',
                '1.2.3.4/33',
                '1.2.3.4/-1',
                '1.2.3.4/a',
                '1.2.3.4/8/8',
                '::/129',
                'localhost',
                '/8',
            ],
        ],
        ['world', [], ['anyone', 'x']],
        ['super', [], ['', 'admin']],
        ['auth', [], ['']],
        ['nonsense', [], ['x']],
    ];
    for (const [scheme, valid, invalid] of cases) {
        it(`under ${scheme}`, () => {
            for (const id of valid)
                assert.equal(isValidAclId(scheme, id), true, JSON.stringify(id));
            for (const id of invalid)
                assert.equal(isValidAclId(scheme, id), false, JSON.stringify(id));
        });
    }
});
