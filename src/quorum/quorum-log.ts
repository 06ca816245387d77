/** Where the ports between servers say what happens; a part of the server's log. */
export interface QuorumLog {
  info(text: string): void;
  /**
   * What others can provoke at will: `kind`, a name in the code, limits the lines of its kind (LimitedLog of the server
   * has this form).
   */
  warn(kind: QuorumWarning, text: string): void;
}

export type QuorumWarning =
  | 'election connection'
  | 'election message'
  | 'election stranger'
  | 'quorum connection'
  | 'quorum stranger'
  | 'slow learner';
