import { connect } from 'node:net';
/**
 * Sends `bytes` (a four-letter word as a rule) as a connection's first bytes and gives all that comes back until the
 * server closes. Rejects when it cannot connect, or is not closed within `timeoutMs`.
 */
export function fourLetterWord(port, bytes, timeoutMs = 10_000) {
    return new Promise((resolve, reject) => {
        const chunks = [];
        const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes));
        socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${String(bytes)}: not closed in ${timeoutMs} ms`)));
        socket.on('data', (chunk) => chunks.push(chunk));
        socket.on('error', reject);
        socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
}
