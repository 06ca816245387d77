/** Request types and transaction types; they share one number space (protocol/client.md §4, disk.md §3.1). */
export const OpCode = {
    notification: 0,
    create: 1,
    delete: 2,
    exists: 3,
    getData: 4,
    setData: 5,
    getACL: 6,
    setACL: 7,
    getChildren: 8,
    sync: 9,
    ping: 11,
    getChildren2: 12,
    check: 13,
    multi: 14,
    create2: 15,
    reconfig: 16,
    checkWatches: 17,
    removeWatches: 18,
    createContainer: 19,
    deleteContainer: 20,
    createTTL: 21,
    multiRead: 22,
    auth: 100,
    setWatches: 101,
    sasl: 102,
    getEphemerals: 103,
    getAllChildrenNumber: 104,
    setWatches2: 105,
    addWatch: 106,
    whoAmI: 107,
    createSession: -10,
    closeSession: -11,
    error: -1,
};
const names = new Map(Object.entries(OpCode).map(([name, code]) => [code, name]));
/** The name of an opcode, or `op <number>` for one that the protocol does not know. */
export function opName(type) {
    return names.get(type) ?? `op ${type}`;
}
/** The xids that do not number a client's requests (protocol/client.md §3). */
export const Xid = { notification: -1, ping: -2, auth: -4, setWatches: -8 };
export const Permission = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 };
export const EventType = {
    none: -1,
    nodeCreated: 1,
    nodeDeleted: 2,
    nodeDataChanged: 3,
    nodeChildrenChanged: 4,
};
/** The only keeper state that a server writes into a WatcherEvent. */
export const STATE_SYNC_CONNECTED = 3;
/** What addWatch's mode may be (protocol/client.md §8). */
export const AddWatchMode = { persistent: 0, persistentRecursive: 1 };
/** Which watches checkWatches and removeWatches mean. */
export const WatcherType = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 };
