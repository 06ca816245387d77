// Words of the records in the segments, counted from a block's first word. Word 0 of every block is the allocator's.
// The fields that a lookup needs stand together, right before the name.
export const CZXID = 1;
export const MZXID = 3;
export const PZXID = 5;
export const CTIME = 7;
export const MTIME = 9;
export const EPHEMERAL_OWNER = 11;
export const VERSION = 13;
export const CVERSION = 14;
export const AVERSION = 15;
export const DATA_REF = 16;
/** -1 for null data. */
export const DATA_LENGTH = 17;
export const ACL_REF = 18;
export const DIGEST = 19;
export const CONTENT_CRC = 20;
export const FIRST_CHILD = 21;
export const CHILD_COUNT = 22;
/** Znodes below this one, at any depth. */
export const DESCENDANT_COUNT = 23;
export const PREVIOUS_SIBLING = 24;
export const NEXT_SIBLING = 25;
export const PARENT = 26;
/** Next znode in the same bucket of the path index; of a deleted znode, next in the quarantine. */
export const CHAIN_NEXT = 27;
export const PATH_HASH = 28;
/** Length of the name, and {@link DELETED_FLAG}. */
export const NAME_LENGTH = 29;
/** The name's bytes begin here. */
export const NAME = 30;
export const DELETED_FLAG = 0x40000000;
export const NAME_LENGTH_MASK = 0x0fffffff;
/** The data block of a znode holds bytes from this word on. */
export const DATA = 1;
export const ACL_ID = 1;
export const ACL_REFERENCES = 2;
export const ACL_LENGTH = 3;
export const ACL_HASH = 4;
/** Next ACL list with the same hash. */
export const ACL_CHAIN_NEXT = 5;
/** The serialised list begins here. */
export const ACL_BYTES = 6;
