/** What kind of znode a create makes (protocol/client.md §4.1). */
export type CreateMode =
  | 'persistent'
  | 'ephemeral'
  | 'persistentSequential'
  | 'ephemeralSequential'
  | 'container'
  | 'persistentWithTtl'
  | 'persistentSequentialWithTtl';

const flags = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  persistentWithTtl: 5,
  persistentSequentialWithTtl: 6,
} as const satisfies Record<CreateMode, number>;

/** The longest TTL: 40 bits of milliseconds. */
export const TTL_MS_MAX = 0xffffffffff;

/** CreateRequest.flags of a mode. */
export function createFlags(mode: CreateMode): number {
  return flags[mode];
}

/** Whether the server appends a number to the path. */
export function isSequential(mode: CreateMode): boolean {
  return (
    mode === 'persistentSequential' ||
    mode === 'ephemeralSequential' ||
    mode === 'persistentSequentialWithTtl'
  );
}

/** Whether the znode goes by itself once it was not changed for a time. */
export function hasTtl(mode: CreateMode): boolean {
  return mode === 'persistentWithTtl' || mode === 'persistentSequentialWithTtl';
}
