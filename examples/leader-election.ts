import { ZooKeeper } from 'menagerie/client';
import { Election } from 'menagerie/client/recipes';

const address = process.argv[2] ?? 'localhost:2181';

/** Stands for election, leads for a moment, and goes; the next one follows. */
async function candidate(name: string): Promise<void> {
  const zk = await ZooKeeper.connect(address);
  const leadership = await new Election(zk, '/examples/election', new TextEncoder().encode(name)).lead();
  leadership.signal.addEventListener('abort', () => console.log(`${name} leads no more`));
  console.log(`${name} leads`);
  await leadership.release();
  await zk.close();
}

await Promise.all(['one', 'two', 'three'].map(candidate));
