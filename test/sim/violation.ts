/** The cluster did something that it must never do. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** Which of the checks found it. */
  readonly check: string;

  constructor(check: string, message: string) {
    super(`${check}: ${message}`);
    this.check = check;
  }
}
