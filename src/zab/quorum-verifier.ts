/** Decides which sets of servers are a quorum. */
export interface QuorumVerifier {
  /** The sids that have a vote. */
  readonly voters: readonly number[];
  /** Whether these voters together are a quorum. */
  containsQuorum(sids: ReadonlySet<number>): boolean;
  /** What a voter's vote weighs; whoever weighs 0 cannot lead. 0 for others than voters. */
  weightOf(sid: number): number;
}

/** More than half of the voters. Throws RangeError when there are none, or one of them twice. */
export class MajorityQuorum implements QuorumVerifier {
  readonly voters: readonly number[];

  constructor(voters: readonly number[]) {
    this.voters = checkedVoters(voters);
  }

  containsQuorum(sids: ReadonlySet<number>): boolean {
    let votes = 0;
    for (const voter of this.voters) if (sids.has(voter)) votes++;
    return votes * 2 > this.voters.length;
  }

  weightOf(sid: number): number {
    return this.voters.includes(sid) ? 1 : 0;
  }
}

/** The voters as they are; throws RangeError when there are none, or one of them twice. */
export function checkedVoters(voters: readonly number[]): readonly number[] {
  if (voters.length === 0) throw new RangeError('an ensemble has at least one voter');
  if (new Set(voters).size !== voters.length)
    throw new RangeError(`a voter is named twice: ${voters.join(', ')}`);
  return voters;
}
