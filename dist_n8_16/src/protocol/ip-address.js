/** 4 or 6 for an IP address in text form, 0 for anything else. */
export function isIP(text) {
    const bytes = addressBytes(text);
    return bytes === null ? 0 : bytes.length === 4 ? 4 : 6;
}
/** The 4 or 16 bytes of an address in text form, or null. */
export function addressBytes(text) {
    return text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text);
}
function ipv4Bytes(text) {
    const parts = text.split('.');
    if (parts.length !== 4)
        return null;
    const bytes = new Uint8Array(4);
    for (let i = 0; i < 4; i++) {
        if (!/^\d{1,3}$/.test(parts[i]) || Number(parts[i]) > 255)
            return null;
        bytes[i] = Number(parts[i]);
    }
    return bytes;
}
function ipv6Bytes(text) {
    const withoutZone = text.split('%', 1)[0];
    const halves = withoutZone.split('::');
    if (halves.length > 2)
        return null;
    const isShortened = halves.length === 2;
    const head = ipv6Groups(halves[0], !isShortened);
    const tail = isShortened ? ipv6Groups(halves[1], true) : [];
    if (head === null || tail === null)
        return null;
    const missing = 8 - head.length - tail.length;
    if (isShortened ? missing < 1 : missing !== 0)
        return null;
    const groups = [...head, ...new Array(missing).fill(0), ...tail];
    const bytes = new Uint8Array(16);
    for (let i = 0; i < 8; i++) {
        bytes[2 * i] = groups[i] >> 8;
        bytes[2 * i + 1] = groups[i] & 0xff;
    }
    return bytes;
}
/** `endsAddress`: the last group may be a dotted IPv4 address. */
function ipv6Groups(text, endsAddress) {
    if (text === '')
        return [];
    const groups = [];
    const parts = text.split(':');
    for (const [i, part] of parts.entries()) {
        if (endsAddress && i === parts.length - 1 && part.includes('.')) {
            const v4 = ipv4Bytes(part);
            if (v4 === null)
                return null;
            groups.push((v4[0] << 8) | v4[1], (v4[2] << 8) | v4[3]);
        }
        else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
            groups.push(Number.parseInt(part, 16));
        }
        else {
            return null;
        }
    }
    return groups;
}
/** How many bits of a prefix (`address` or `address/bits`) count, or -1 when the text is no prefix. */
export function prefixBits(prefix) {
    const [base, bitsText, ...rest] = prefix.split('/');
    const family = isIP(base);
    if (family === 0 || rest.length > 0)
        return -1;
    const bitsMax = family === 4 ? 32 : 128;
    if (bitsText === undefined)
        return bitsMax;
    return /^\d{1,3}$/.test(bitsText) && Number(bitsText) <= bitsMax ? Number(bitsText) : -1;
}
/** Whether `address` lies in `prefix` (`address` or `address/bits`); families must match. Nothing lies in a bad prefix. */
export function addressInPrefix(address, prefix) {
    const bits = prefixBits(prefix);
    if (bits < 0)
        return false;
    const a = addressBytes(address);
    const b = addressBytes(prefix.split('/', 1)[0]);
    if (a === null || b === null || a.length !== b.length)
        return false;
    for (let i = 0; i * 8 < bits; i++) {
        const mask = bits >= (i + 1) * 8 ? 0xff : (0xff00 >> (bits - i * 8)) & 0xff;
        if ((a[i] & mask) !== (b[i] & mask))
            return false;
    }
    return true;
}
/** An address as Java's getHostAddress prints it: IPv4-mapped as IPv4, IPv6 uncompressed (protocol/client.md §9.1). */
export function javaAddressText(address) {
    const bytes = addressBytes(address);
    if (bytes === null || bytes.length === 4)
        return address;
    if (bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
        return bytes.subarray(12).join('.');
    }
    const groups = [];
    for (let i = 0; i < 16; i += 2)
        groups.push(((bytes[i] << 8) | bytes[i + 1]).toString(16));
    return groups.join(':');
}
