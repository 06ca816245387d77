/** A snapshot that cannot be loaded: cut short, damaged, or of an unknown form. An older one may serve instead. */
export class SnapshotError extends Error {
    name = 'SnapshotError';
    constructor(path, offset, expected, found) {
        super(`${path}: damaged at offset ${offset}: expected ${expected}, found ${found}`);
    }
}
