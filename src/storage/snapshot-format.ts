/**
 * The snapshot's layout (disk.md §4):
 *
 *     FileHeader        int magic "ZKSN", int version 2, long dbid -1
 *     sessions          int count, (long sessionId, int timeoutMs)*
 *     ACL map           int count, (long key, vector<ACL>)*            key -1 is never stored: world:anyone:31
 *     znodes            (ustring path, buffer data, long aclKey, StatPersisted)*     pre-order, root's path is ""
 *     end of znodes     ustring "/"
 *     seal              long adler32 of all bytes so far, ustring "/"
 *     ZxidDigest        long zxid, int version, long digest             if digests are enabled; then a seal
 *     lastProcessedZxid long                                            if enabled (3.9); then a seal
 */

/** "ZKSN" */
export const SNAPSHOT_MAGIC = 0x5a4b534e;
/** The dbid that Apache writes: -1 in both words. */
export const SNAPSHOT_DBID_WORD = -1;
export const STAT_PERSISTED_BYTES = 60;
/** `ustring "/"`, which ends the znodes and each seal. */
export const END_MARK_BYTES = 5;
/** long checksum and end mark */
export const SEAL_BYTES = 8 + END_MARK_BYTES;
/** long zxid, int version, long digest */
export const ZXID_DIGEST_BYTES = 20;
/** The version of digests that this server computes (disk.md §7). */
export const DIGEST_VERSION = 2;
/** The ACL key that stands for world:anyone:31 and is in no map, as both words. */
export const OPEN_ACL_KEY_WORD = -1;

const SLASH = 0x2f;

/** Whether `ustring "/"` stands at `at`. */
export function isEndMark(view: DataView, at: number): boolean {
  return view.getInt32(at) === 1 && view.getUint8(at + 4) === SLASH;
}
