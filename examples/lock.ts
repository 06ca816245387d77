import { ZooKeeper } from 'menagerie/client';
import { Lock } from 'menagerie/client/recipes';

const address = process.argv[2] ?? 'localhost:2181';
let inside = 0;

async function worker(name: string): Promise<void> {
  const zk = await ZooKeeper.connect(address);
  const lock = new Lock(zk, '/examples/lock');
  await lock.using(async (hold) => {
    console.log(`${name} is alone: ${++inside === 1}`);
    // What is written elsewhere carries hold.token; who gets a smaller one than before refuses it.
    await new Promise((resolve) => setTimeout(resolve, 20));
    hold.assertHeld();
    inside--;
  });
  await zk.close();
}

await Promise.all(['a', 'b', 'c'].map(worker));
