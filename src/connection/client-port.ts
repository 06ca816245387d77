import { createServer, type ListenOptions } from 'node:net';

/**
 * How a connection worker comes by the client port. A worker that is alone opens it. Several each open it with
 * SO_REUSEPORT where Node can (22.12 on); elsewhere they listen on the first one's descriptor, which Node does not
 * duplicate: when one of them closes it, it is closed for all, and its number may be another file's by then. So there
 * nobody closes it before the process ends.
 */
export type ClientPort =
  | { readonly kind: 'alone'; readonly port: number }
  | { readonly kind: 'reused'; readonly port: number; readonly isFirst: boolean }
  | { readonly kind: 'shared'; readonly port: number; readonly descriptor: number | null };

/** Where and how to listen, beside the port. */
export interface ListenAddress {
  /** Null for all addresses. */
  readonly host: string | null;
  /** Null for the system's default. */
  readonly backlog: number | null;
}

/** Whether several sockets may listen on one port on this Node. */
export function canReusePort(nodeVersion: string): boolean {
  const [major, minor] = nodeVersion.replace(/^v/, '').split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
}

interface Listener {
  listen(options: ListenOptions & { fd?: number }): Promise<void>;
}

/** Makes the listener listen. Rejects with the system's error. */
export async function listenOn(
  listener: Listener,
  clientPort: ClientPort,
  address: ListenAddress,
): Promise<void> {
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
      if (clientPort.descriptor === null) return listener.listen({ port: clientPort.port, ...options });
      return listener.listen({ fd: clientPort.descriptor });
  }
}

/** Another server that reuses the port too would go unnoticed: opened the plain way first, it is found in use. */
function freePort(port: number, host: string | null): Promise<number> {
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
