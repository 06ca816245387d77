import { JuteReader } from '../../jute/reader.ts';
import { readAcls } from '../../protocol/acl.ts';
import type { SnapshotInput } from '../../storage/snapshot-input.ts';
import type { ScannedSnapshot, SnapshotSink } from '../../storage/snapshot-scan.ts';

/** What a znode takes in the replica beside its name and data, about. */
const ZNODE_BYTES = 160;

/** What a look at a snapshot tells before anything is made of it. */
export class SnapshotFacts implements SnapshotSink {
  sessions = 0;
  znodes = 0;
  dataBytes = 0;
  pathBytes = 0;
  /** The ACL that this server writes into each snapshot, and Apache's into none. */
  hasClosedAcl = false;

  session(): void {
    this.sessions++;
  }

  acl(_key: number, serialised: Uint8Array): void {
    const acls = readAcls(new JuteReader(serialised)) ?? [];
    if (acls.length === 1 && acls[0].permissions === 0 && acls[0].scheme === 'world')
      this.hasClosedAcl = true;
  }

  znode(_input: SnapshotInput, _path: number, pathLength: number, _data: number, dataLength: number): void {
    this.znodes++;
    this.pathBytes += pathLength;
    this.dataBytes += Math.max(0, dataLength);
  }

  end(): void {}

  /** What the znodes will take in the replica, about; more than less. */
  get replicaBytes(): number {
    return this.znodes * ZNODE_BYTES + this.pathBytes + this.dataBytes;
  }

  /** Which server wrote the file, as far as it tells. */
  writer({ hasDigest, hasLastZxid }: ScannedSnapshot): string {
    if (this.hasClosedAcl) return 'Menagerie';
    if (hasLastZxid) return 'Apache ZooKeeper 3.9 or later';
    if (hasDigest)
      return 'Apache ZooKeeper 3.6 to 3.8 (or later with serializeLastProcessedZxid.enabled=false)';
    return 'Apache ZooKeeper 3.5 or before (or later with digest.enabled=false)';
  }
}
