// Cold path: once an auth packet.
import { createHash } from 'node:crypto';
import { JuteError } from '../jute/reader.js';
/** What a connection's identities may take, as vector<Id>: they are copied with each auth packet. */
export const IDENTITIES_BYTES_MAX = 16 * 1024;
/**
 * The identities that an auth packet proves (protocol/client.md §9.1), or null when it fails and the connection must
 * be closed. `address` is the client's, as Java prints it.
 */
export function authenticate(scheme, auth, address, options) {
    switch (scheme) {
        case 'digest':
            return options.digestEnabled ? digestIdentities(auth, options) : null;
        case 'ip':
            return [{ scheme: 'ip', id: address }];
        default:
            return null;
    }
}
function digestIdentities(auth, options) {
    const userAndPassword = Buffer.from(auth);
    const user = userAndPassword.toString('utf8').split(':', 1)[0];
    const hash = createHash(options.digestAlgorithm).update(userAndPassword).digest('base64');
    const id = `${user}:${hash}`;
    const identities = [{ scheme: 'digest', id }];
    if (id === options.superDigest)
        identities.push({ scheme: 'super', id: '' });
    return identities;
}
/** `identities` with `added`, without duplicates. Throws JuteError when they take more than IDENTITIES_BYTES_MAX. */
export function withIdentities(identities, added) {
    const all = [...identities];
    for (const identity of added) {
        if (!all.some(({ scheme, id }) => scheme === identity.scheme && id === identity.id))
            all.push(identity);
    }
    let bytes = 4;
    for (const { scheme, id } of all)
        bytes += 8 + Buffer.byteLength(scheme) + Buffer.byteLength(id);
    if (bytes > IDENTITIES_BYTES_MAX) {
        throw new JuteError(`identities of ${bytes} bytes: a connection may have at most ${IDENTITIES_BYTES_MAX} bytes of them`);
    }
    return all;
}
