import { GrowingJuteWriter } from '../jute/writer.js';
/**
 * The body of whoAmI's reply: vector<ClientInfo>, a scheme and a user name for each of the connection's identities. The
 * hash of a digest id is kept back, and a scheme without a provider, such as super, has no user name.
 */
export function clientInfos(identities) {
    const writer = new GrowingJuteWriter();
    writer.writeInt(identities.length);
    for (const identity of identities) {
        writer.writeString(identity.scheme);
        writer.writeString(userName(identity));
    }
    return writer.written();
}
function userName({ scheme, id }) {
    switch (scheme) {
        case 'digest':
            return id.split(':', 1)[0];
        case 'super':
            return '';
        default:
            return id;
    }
}
