// What `import … from 'menagerie/client/recipes'` gives.

export { Barrier } from './barrier.ts';
export { type Codec, ConfigValue, type ConfigValueEvents, jsonCodec } from './config-value.ts';
export { Counter } from './counter.ts';
export { DoubleBarrier } from './double-barrier.ts';
export { Election } from './election.ts';
export { Group, type GroupEvents } from './group.ts';
export { Hold, LostError } from './hold.ts';
export { Lock } from './lock.ts';
export { uniqueName } from './naming.ts';
export { PriorityQueue, Queue } from './queue.ts';
export { ReadWriteLock } from './read-write-lock.ts';
export type { WaitOptions } from './retry.ts';
export { Semaphore } from './semaphore.ts';
