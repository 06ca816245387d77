import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { authenticate, IDENTITIES_BYTES_MAX, withIdentities, } from '../../src/session/authentication.js';
const options = { digestEnabled: true, digestAlgorithm: 'sha1', superDigest: null };
const superDigest = 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=';
function digest(auth, given = {}) {
    return authenticate('digest', Buffer.from(auth), '1.2.3.4', { ...options, ...given });
}
describe('authentication', () => {
    it('by digest gives the vectors of the protocol', () => {
        assert.deepEqual(digest('super:admin'), [{ scheme: 'digest', id: superDigest }]);
        assert.deepEqual(digest('user:pass'), [{ scheme: 'digest', id: 'user:smGaoVKd/cQkjm7b88GyorAUz20=' }]);
    });
    it('by digest takes the name up to the first colon, and hashes all of it', () => {
        const [one] = digest('user:a:b') ?? [];
        const [other] = digest('user:a') ?? [];
        assert.match(one.id, /^user:[A-Za-z0-9+/]{27}=$/);
        assert.notEqual(one.id, other.id);
        assert.match(digest('user')?.[0].id ?? '', /^user:/);
        assert.match(digest('')?.[0].id ?? '', /^:/);
    });
    it('by digest makes whoever has the super digest a super user', () => {
        assert.deepEqual(digest('super:admin', { superDigest }), [
            { scheme: 'digest', id: superDigest },
            { scheme: 'super', id: '' },
        ]);
        assert.equal(digest('super:other', { superDigest })?.length, 1);
        assert.equal(digest('user:admin', { superDigest })?.length, 1);
    });
    it('by digest uses the configured algorithm, and fails when it is off', () => {
        const [identity] = digest('user:pass', { digestAlgorithm: 'sha256' }) ?? [];
        assert.equal(Buffer.from(identity.id.slice('user:'.length), 'base64').length, 32);
        assert.equal(digest('user:pass', { digestEnabled: false }), null);
    });
    it('by ip gives the address again', () => {
        assert.deepEqual(authenticate('ip', Buffer.from('9.9.9.9'), '1.2.3.4', options), [
            { scheme: 'ip', id: '1.2.3.4' },
        ]);
    });
    it('fails under any other scheme', () => {
        for (const scheme of ['', 'world', 'super', 'auth', 'sasl', 'x509', 'Digest']) {
            assert.equal(authenticate(scheme, Buffer.from('super:admin'), '1.2.3.4', options), null, scheme);
        }
    });
});
describe('the identities of a connection', () => {
    const address = { scheme: 'ip', id: '1.2.3.4' };
    it('gather, each once', () => {
        const user = { scheme: 'digest', id: 'u:h' };
        const first = withIdentities([address], [user]);
        assert.deepEqual(first, [address, user]);
        assert.deepEqual(withIdentities(first, [address, { ...user }, { scheme: 'super', id: '' }]), [
            address,
            user,
            { scheme: 'super', id: '' },
        ]);
        assert.deepEqual(first, [address, user], 'the list given stays as it is');
    });
    it('have a limit, so that a client cannot fill memory and rings with them', () => {
        let identities = [address];
        const add = (id) => {
            identities = withIdentities(identities, [{ scheme: 'digest', id }]);
        };
        assert.throws(() => add('x'.repeat(IDENTITIES_BYTES_MAX)), {
            name: 'JuteError',
            message: /at most \d+ bytes/,
        });
        assert.throws(() => {
            for (let i = 0; i < IDENTITIES_BYTES_MAX; i++)
                add(`user-${i}`);
        }, /at most/);
        assert.ok(identities.length > 100);
        assert.equal(withIdentities(identities, [address]).length, identities.length, 'what is there may come again');
    });
});
