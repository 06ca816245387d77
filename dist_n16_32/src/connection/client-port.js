import { createServer } from 'node:net';
/** Whether several sockets may listen on one port on this Node. */
export function canReusePort(nodeVersion) {
    const [major, minor] = nodeVersion.replace(/^v/, '').split('.').map(Number);
    return major > 22 || (major === 22 && minor >= 12);
}
/** Makes the listener listen. Rejects with the system's error. */
export async function listenOn(listener, clientPort, address) {
    const options = {
        ...(address.host === null ? {} : { host: address.host }),
        ...(address.backlog === null ? {} : { backlog: address.backlog }),
    };
    switch (clientPort.kind) {
        case 'alone':
            return listener.listen({ port: clientPort.port, ...options });
        case 'reused': {
            const port = clientPort.isFirst ? await freePort(clientPort.port, address.host) : clientPort.port;
            const reuse = { port, reusePort: true, ...options };
            return listener.listen(reuse);
        }
        case 'shared':
            if (clientPort.descriptor === null)
                return listener.listen({ port: clientPort.port, ...options });
            return listener.listen({ fd: clientPort.descriptor });
    }
}
/** Another server that reuses the port too would go unnoticed: opened the plain way first, it is found in use. */
function freePort(port, host) {
    return new Promise((resolve, reject) => {
        const probe = createServer();
        probe.once('error', reject);
        probe.listen({ port, ...(host === null ? {} : { host }) }, () => {
            const address = probe.address();
            const found = address !== null && typeof address === 'object' ? address.port : port;
            probe.close(() => resolve(found));
        });
    });
}
