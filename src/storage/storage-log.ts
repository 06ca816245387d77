/** Where storage says what it does: a pino logger fits. */
export interface StorageLog {
  info(message: string): void;
  warn(message: string): void;
}
