/** A snapshot that cannot be loaded: cut short, damaged, or of an unknown form. An older one may serve instead. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';

  constructor(path: string, offset: number, expected: string, found: string) {
    super(`${path}: damaged at offset ${offset}: expected ${expected}, found ${found}`);
  }
}
