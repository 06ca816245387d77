import type { CreateMode } from '../create-mode.ts';
import { withinLimits } from '../limits.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { repeated, type WaitOptions } from './retry.ts';

/**
 * Gives unique names under a prefix, in growing order, as in `/ids/order-0000000007`.
 *
 * Guarantee: no name is given twice, while the parent znode lives. A lost connection may use up a name that nobody gets. Names
 * of the mode `ephemeralSequential` are free to be looked for by others while the session lives; expired sessions lose them.
 */
export async function uniqueName(
  client: ZooKeeper,
  prefix: string,
  data: Uint8Array = new Uint8Array(0),
  {
    mode = 'persistentSequential',
    ...limits
  }: WaitOptions & { readonly mode?: CreateMode & `${string}Sequential` } = {},
): Promise<string> {
  const slash = prefix.lastIndexOf('/');
  return await withinLimits('uniqueName', prefix, limits, async (signal) => {
    if (slash > 0) await repeated(() => client.ensurePath(prefix.slice(0, slash)), signal);
    return await repeated(() => client.create(prefix, data, { mode }), signal);
  });
}
