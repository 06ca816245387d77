import { type WatchEvent, ZooKeeper } from 'menagerie/client';

const zk = await ZooKeeper.connect(process.argv[2] ?? 'localhost:2181');
const text = (data: Uint8Array | null) => new TextDecoder().decode(data ?? undefined);
const bytes = (value: string) => new TextEncoder().encode(value);
const watch = ({ type, path }: WatchEvent) => console.log(`event ${type} ${path}`);

await zk.create('/testRootPath', bytes('testRootData'));
await zk.create('/testRootPath/testChildPathOne', bytes('testChildDataOne'));
console.log(text((await zk.getData('/testRootPath')).data));
console.log(`[${await zk.getChildren('/testRootPath', { watch })}]`);
await zk.setData('/testRootPath/testChildPathOne', bytes('modifyChildDataOne'));
console.log(`numChildren ${(await zk.exists('/testRootPath', { watch }))?.numChildren}`);
await zk.create('/testRootPath/testChildPathTwo', bytes('testChildDataTwo'), { mode: 'ephemeral' });
console.log(text((await zk.getData('/testRootPath/testChildPathTwo', { watch })).data));
await zk.delete('/testRootPath/testChildPathTwo');
await zk.transaction().delete('/testRootPath/testChildPathOne', 1).delete('/testRootPath').commit();
await zk.close();
