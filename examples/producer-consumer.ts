import { ZooKeeper } from 'menagerie/client';
import { Queue } from 'menagerie/client/recipes';

const address = process.argv[2] ?? 'localhost:2181';

async function producer(): Promise<void> {
  const zk = await ZooKeeper.connect(address);
  const queue = new Queue(zk, '/examples/queue');
  for (let i = 1; i <= 5; i++) await queue.put(new TextEncoder().encode(`item ${i}`));
  await zk.close();
}

async function consumer(): Promise<void> {
  const zk = await ZooKeeper.connect(address);
  const queue = new Queue(zk, '/examples/queue');
  for (let i = 1; i <= 5; i++) console.log(`got ${new TextDecoder().decode(await queue.take())}`);
  await zk.close();
}

await Promise.all([consumer(), producer()]);
