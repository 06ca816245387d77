import type { Acknowledgements } from '../zab/acknowledgements.ts';
import type { Zxid } from '../zab/zxid.ts';

/** Who decides which txns are committed: the server by itself, or with the others of its ensemble. */
export interface Agreement {
  /** Everything up to here may be applied. */
  readonly committed: Zxid;
  /** Whether this server makes txns of requests. */
  readonly isLeading: boolean;
  /** Hot path: the own log is durable up to there. */
  durable(epoch: number, counter: number): void;
}

/** A server that is its own quorum. */
export class SoleServer implements Agreement {
  readonly isLeading = true;
  readonly committed: Zxid;
  readonly #sid: number;
  readonly #acknowledgements: Acknowledgements;

  /** `acknowledgements`: of a quorum that consists of server `sid`. */
  constructor(sid: number, acknowledgements: Acknowledgements) {
    this.#sid = sid;
    this.#acknowledgements = acknowledgements;
    this.committed = acknowledgements.committed;
  }

  durable(epoch: number, counter: number): void {
    this.#acknowledgements.acknowledge(this.#sid, epoch, counter);
  }
}
