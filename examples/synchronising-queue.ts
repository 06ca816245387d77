import { ZooKeeper } from 'menagerie/client';
import { DoubleBarrier } from 'menagerie/client/recipes';

const address = process.argv[2] ?? 'localhost:2181';
const members = 3;

/** Nobody begins before all are here, nobody goes before all have ended. */
async function member(): Promise<void> {
  const zk = await ZooKeeper.connect(address);
  const barrier = new DoubleBarrier(zk, '/examples/synchronising', members);
  console.log('here');
  await barrier.enter();
  console.log('begin');
  await barrier.leave();
  console.log('end');
  await zk.close();
}

await Promise.all(Array.from({ length: members }, member));
