import { connect as connectSocket, type Socket } from 'node:net';
import type { JuteWriter } from '../../src/jute/writer.ts';
import { OpCode, Xid } from '../../src/protocol/opcode.ts';
import { type ConnectOptions, nothing, type Reply, WireConnection } from './wire-connection.ts';
import {
  type Acl,
  type Created,
  Flag,
  type MultiOp,
  type MultiResult,
  openAcl,
  type ReadOp,
  type ReadResult,
  readAcl,
  readCreated,
  readMultiReadResults,
  readMultiResults,
  readStat,
  readStrings,
  type Stat,
  type WatchLists,
  writeAcl,
  writeCreate,
  writeMulti,
  writeMultiRead,
  writeStrings,
} from './wire-records.ts';

/** A {@link WireConnection} with a method per request; each sends at once and gives the promise of its reply. */
export class WireClient extends WireConnection {
  private constructor(socket: Socket) {
    super(socket);
  }

  /** Opens the TCP connection and sends nothing. */
  static open(port: number): Promise<WireClient> {
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
  static async connect(options: ConnectOptions): Promise<WireClient> {
    const client = await WireClient.open(options.port);
    await client.establish(options);
    return client;
  }

  create(
    path: string | null,
    data: Uint8Array | null = new Uint8Array(0),
    flags = 0,
    acl: readonly Acl[] | null = openAcl,
  ): Promise<Reply<string | null>> {
    const write = (writer: JuteWriter) => writeCreate(writer, path, data, acl, flags);
    return this.request(OpCode.create, write, (reader) => reader.readString());
  }

  create2(
    path: string | null,
    data: Uint8Array | null = new Uint8Array(0),
    flags = 0,
    acl: readonly Acl[] | null = openAcl,
  ): Promise<Reply<{ path: string | null; stat: Stat }>> {
    const write = (writer: JuteWriter) => writeCreate(writer, path, data, acl, flags);
    return this.request(OpCode.create2, write, (reader) => ({
      path: reader.readString(),
      stat: readStat(reader),
    }));
  }

  delete(path: string | null, version = -1): Promise<Reply<void>> {
    return this.request(OpCode.delete, pathAndInt(path, version), nothing);
  }

  exists(path: string | null, watch = false): Promise<Reply<Stat>> {
    return this.request(OpCode.exists, pathAndWatch(path, watch), readStat);
  }

  getData(path: string | null, watch = false): Promise<Reply<{ data: Uint8Array | null; stat: Stat }>> {
    return this.request(OpCode.getData, pathAndWatch(path, watch), (reader) => ({
      data: reader.readBuffer(),
      stat: readStat(reader),
    }));
  }

  setData(path: string | null, data: Uint8Array | null, version = -1): Promise<Reply<Stat>> {
    const write = (writer: JuteWriter) => {
      writer.writeString(path);
      writer.writeBuffer(data);
      writer.writeInt(version);
    };
    return this.request(OpCode.setData, write, readStat);
  }

  getACL(path: string | null): Promise<Reply<{ acl: Acl[]; stat: Stat }>> {
    const write = (writer: JuteWriter) => writer.writeString(path);
    return this.request(OpCode.getACL, write, (reader) => ({ acl: readAcl(reader), stat: readStat(reader) }));
  }

  setACL(path: string | null, acl: readonly Acl[] | null, version = -1): Promise<Reply<Stat>> {
    const write = (writer: JuteWriter) => {
      writer.writeString(path);
      writeAcl(writer, acl);
      writer.writeInt(version);
    };
    return this.request(OpCode.setACL, write, readStat);
  }

  getChildren(path: string | null, watch = false): Promise<Reply<string[]>> {
    return this.request(OpCode.getChildren, pathAndWatch(path, watch), readStrings);
  }

  getChildren2(path: string | null, watch = false): Promise<Reply<{ children: string[]; stat: Stat }>> {
    return this.request(OpCode.getChildren2, pathAndWatch(path, watch), (reader) => ({
      children: readStrings(reader),
      stat: readStat(reader),
    }));
  }

  sync(path: string | null): Promise<Reply<string | null>> {
    const write = (writer: JuteWriter) => writer.writeString(path);
    return this.request(OpCode.sync, write, (reader) => reader.readString());
  }

  multi(operations: readonly MultiOp[]): Promise<Reply<MultiResult[]>> {
    return this.request(OpCode.multi, (writer) => writeMulti(writer, operations), readMultiResults);
  }

  ping(): Promise<Reply<void>> {
    return this.request(OpCode.ping, nothing, nothing, Xid.ping);
  }

  auth(scheme: string | null, auth: Uint8Array | null): Promise<Reply<void>> {
    const write = (writer: JuteWriter) => {
      writer.writeInt(0);
      writer.writeString(scheme);
      writer.writeBuffer(auth);
    };
    return this.request(OpCode.auth, write, nothing, Xid.auth);
  }

  setWatches(
    relativeZxid: bigint,
    paths: { data?: readonly string[]; exist?: readonly string[]; child?: readonly string[] },
  ): Promise<Reply<void>> {
    const write = (writer: JuteWriter) => {
      writer.writeLong(relativeZxid);
      writeStrings(writer, paths.data ?? []);
      writeStrings(writer, paths.exist ?? []);
      writeStrings(writer, paths.child ?? []);
    };
    return this.request(OpCode.setWatches, write, nothing, Xid.setWatches);
  }

  setWatches2(relativeZxid: bigint, paths: WatchLists): Promise<Reply<void>> {
    const write = (writer: JuteWriter) => {
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
  addWatch(path: string, mode: number): Promise<Reply<number>> {
    return this.request(OpCode.addWatch, pathAndInt(path, mode), (reader) => reader.readInt());
  }

  checkWatches(path: string, watcherType: number): Promise<Reply<void>> {
    return this.request(OpCode.checkWatches, pathAndInt(path, watcherType), nothing);
  }

  removeWatches(path: string, watcherType: number): Promise<Reply<void>> {
    return this.request(OpCode.removeWatches, pathAndInt(path, watcherType), nothing);
  }

  createContainer(
    path: string | null,
    data: Uint8Array | null = new Uint8Array(0),
    flags: number = Flag.container,
    acl: readonly Acl[] | null = openAcl,
  ): Promise<Reply<Created>> {
    const write = (writer: JuteWriter) => writeCreate(writer, path, data, acl, flags);
    return this.request(OpCode.createContainer, write, readCreated);
  }

  createTTL(path: string | null, ttlMs: bigint, flags: number = Flag.ttl): Promise<Reply<Created>> {
    const write = (writer: JuteWriter) => {
      writeCreate(writer, path, new Uint8Array(0), openAcl, flags);
      writer.writeLong(ttlMs);
    };
    return this.request(OpCode.createTTL, write, readCreated);
  }

  multiRead(operations: readonly ReadOp[]): Promise<Reply<ReadResult[]>> {
    return this.request(
      OpCode.multiRead,
      (writer) => writeMultiRead(writer, operations),
      readMultiReadResults,
    );
  }

  getEphemerals(prefix: string | null): Promise<Reply<string[]>> {
    return this.request(OpCode.getEphemerals, (writer) => writer.writeString(prefix), readStrings);
  }

  getAllChildrenNumber(path: string | null): Promise<Reply<number>> {
    return this.request(
      OpCode.getAllChildrenNumber,
      (writer) => writer.writeString(path),
      (reader) => reader.readInt(),
    );
  }

  whoAmI(): Promise<Reply<{ scheme: string | null; user: string | null }[]>> {
    return this.request(OpCode.whoAmI, nothing, (reader) =>
      Array.from({ length: reader.readCount(8) }, () => ({
        scheme: reader.readString(),
        user: reader.readString(),
      })),
    );
  }

  /** Ends the session where there is one, waiting no longer than a moment, and the connection in any case. */
  async leave(): Promise<void> {
    if (!this.isClosed && this.hasSession) {
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, 1000);
      });
      this.closeSession();
      await Promise.race([this.closed, enough]).finally(() => clearTimeout(timer));
    }
    await this.disconnect();
  }

  /** Ends the session; the server closes the connection after the reply. */
  closeSession(): Promise<Reply<void>> {
    return this.request(OpCode.closeSession, nothing, nothing);
  }
}

function pathAndWatch(path: string | null, watch: boolean): (writer: JuteWriter) => void {
  return (writer) => {
    writer.writeString(path);
    writer.writeBoolean(watch);
  };
}

function pathAndInt(path: string | null, value: number): (writer: JuteWriter) => void {
  return (writer) => {
    writer.writeString(path);
    writer.writeInt(value);
  };
}
