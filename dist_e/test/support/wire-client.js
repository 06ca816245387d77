import { connect as connectSocket } from 'node:net';
import { OpCode, Xid } from '../../src/protocol/opcode.js';
import { nothing, WireConnection } from './wire-connection.js';
import { Flag, openAcl, readAcl, readCreated, readMultiReadResults, readMultiResults, readStat, readStrings, writeAcl, writeCreate, writeMulti, writeMultiRead, writeStrings, } from './wire-records.js';
/** A {@link WireConnection} with a method per request; each sends at once and gives the promise of its reply. */
export class WireClient extends WireConnection {
    constructor(socket) {
        super(socket);
    }
    /** Opens the TCP connection and sends nothing. */
    static open(port) {
        return new Promise((resolve, reject) => {
            const socket = connectSocket({ port, host: '127.0.0.1' });
            socket.once('error', reject);
            socket.once('connect', () => {
                socket.off('error', reject);
                resolve(new WireClient(socket));
            });
        });
    }
    /** Opens a connection and a session on it. Rejects when the server closes without a ConnectResponse. */
    static async connect(options) {
        const client = await WireClient.open(options.port);
        await client.establish(options);
        return client;
    }
    create(path, data = new Uint8Array(0), flags = 0, acl = openAcl) {
        const write = (writer) => writeCreate(writer, path, data, acl, flags);
        return this.request(OpCode.create, write, (reader) => reader.readString());
    }
    create2(path, data = new Uint8Array(0), flags = 0, acl = openAcl) {
        const write = (writer) => writeCreate(writer, path, data, acl, flags);
        return this.request(OpCode.create2, write, (reader) => ({
            path: reader.readString(),
            stat: readStat(reader),
        }));
    }
    delete(path, version = -1) {
        return this.request(OpCode.delete, pathAndInt(path, version), nothing);
    }
    exists(path, watch = false) {
        return this.request(OpCode.exists, pathAndWatch(path, watch), readStat);
    }
    getData(path, watch = false) {
        return this.request(OpCode.getData, pathAndWatch(path, watch), (reader) => ({
            data: reader.readBuffer(),
            stat: readStat(reader),
        }));
    }
    setData(path, data, version = -1) {
        const write = (writer) => {
            writer.writeString(path);
            writer.writeBuffer(data);
            writer.writeInt(version);
        };
        return this.request(OpCode.setData, write, readStat);
    }
    getACL(path) {
        const write = (writer) => writer.writeString(path);
        return this.request(OpCode.getACL, write, (reader) => ({ acl: readAcl(reader), stat: readStat(reader) }));
    }
    setACL(path, acl, version = -1) {
        const write = (writer) => {
            writer.writeString(path);
            writeAcl(writer, acl);
            writer.writeInt(version);
        };
        return this.request(OpCode.setACL, write, readStat);
    }
    getChildren(path, watch = false) {
        return this.request(OpCode.getChildren, pathAndWatch(path, watch), readStrings);
    }
    getChildren2(path, watch = false) {
        return this.request(OpCode.getChildren2, pathAndWatch(path, watch), (reader) => ({
            children: readStrings(reader),
            stat: readStat(reader),
        }));
    }
    sync(path) {
        const write = (writer) => writer.writeString(path);
        return this.request(OpCode.sync, write, (reader) => reader.readString());
    }
    multi(operations) {
        return this.request(OpCode.multi, (writer) => writeMulti(writer, operations), readMultiResults);
    }
    ping() {
        return this.request(OpCode.ping, nothing, nothing, Xid.ping);
    }
    auth(scheme, auth) {
        const write = (writer) => {
            writer.writeInt(0);
            writer.writeString(scheme);
            writer.writeBuffer(auth);
        };
        return this.request(OpCode.auth, write, nothing, Xid.auth);
    }
    setWatches(relativeZxid, paths) {
        const write = (writer) => {
            writer.writeLong(relativeZxid);
            writeStrings(writer, paths.data ?? []);
            writeStrings(writer, paths.exist ?? []);
            writeStrings(writer, paths.child ?? []);
        };
        return this.request(OpCode.setWatches, write, nothing, Xid.setWatches);
    }
    setWatches2(relativeZxid, paths) {
        const write = (writer) => {
            writer.writeLong(relativeZxid);
            writeStrings(writer, paths.data ?? []);
            writeStrings(writer, paths.exist ?? []);
            writeStrings(writer, paths.child ?? []);
            writeStrings(writer, paths.persistent ?? []);
            writeStrings(writer, paths.persistentRecursive ?? []);
        };
        return this.request(OpCode.setWatches2, write, nothing, Xid.setWatches);
    }
    /** The body is an ErrorResponse. */
    addWatch(path, mode) {
        return this.request(OpCode.addWatch, pathAndInt(path, mode), (reader) => reader.readInt());
    }
    checkWatches(path, watcherType) {
        return this.request(OpCode.checkWatches, pathAndInt(path, watcherType), nothing);
    }
    removeWatches(path, watcherType) {
        return this.request(OpCode.removeWatches, pathAndInt(path, watcherType), nothing);
    }
    createContainer(path, data = new Uint8Array(0), flags = Flag.container, acl = openAcl) {
        const write = (writer) => writeCreate(writer, path, data, acl, flags);
        return this.request(OpCode.createContainer, write, readCreated);
    }
    createTTL(path, ttlMs, flags = Flag.ttl) {
        const write = (writer) => {
            writeCreate(writer, path, new Uint8Array(0), openAcl, flags);
            writer.writeLong(ttlMs);
        };
        return this.request(OpCode.createTTL, write, readCreated);
    }
    multiRead(operations) {
        return this.request(OpCode.multiRead, (writer) => writeMultiRead(writer, operations), readMultiReadResults);
    }
    getEphemerals(prefix) {
        return this.request(OpCode.getEphemerals, (writer) => writer.writeString(prefix), readStrings);
    }
    getAllChildrenNumber(path) {
        return this.request(OpCode.getAllChildrenNumber, (writer) => writer.writeString(path), (reader) => reader.readInt());
    }
    whoAmI() {
        return this.request(OpCode.whoAmI, nothing, (reader) => Array.from({ length: reader.readCount(8) }, () => ({
            scheme: reader.readString(),
            user: reader.readString(),
        })));
    }
    /** Ends the session where there is one, waiting no longer than a moment, and the connection in any case. */
    async leave() {
        if (!this.isClosed && this.hasSession) {
            let timer;
            const enough = new Promise((resolve) => {
                timer = setTimeout(resolve, 1000);
            });
            this.closeSession();
            await Promise.race([this.closed, enough]).finally(() => clearTimeout(timer));
        }
        await this.disconnect();
    }
    /** Ends the session; the server closes the connection after the reply. */
    closeSession() {
        return this.request(OpCode.closeSession, nothing, nothing);
    }
}
function pathAndWatch(path, watch) {
    return (writer) => {
        writer.writeString(path);
        writer.writeBoolean(watch);
    };
}
function pathAndInt(path, value) {
    return (writer) => {
        writer.writeString(path);
        writer.writeInt(value);
    };
}
