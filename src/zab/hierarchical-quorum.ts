import { checkedVoters, type QuorumVerifier } from './quorum-verifier.ts';

/**
 * More than half of the voters' weight. Throws RangeError for a weight that is no whole number from 0 on, and when all
 * weigh nothing.
 */
export class WeightedQuorum implements QuorumVerifier {
  readonly voters: readonly number[];
  readonly totalWeight: number;
  readonly #weights: ReadonlyMap<number, number>;

  /** Voters without a weight of their own weigh 1. */
  constructor(voters: readonly number[], weights: ReadonlyMap<number, number>) {
    this.voters = checkedVoters(voters);
    this.#weights = new Map(voters.map((sid) => [sid, weights.get(sid) ?? 1]));
    let total = 0;
    for (const [sid, weight] of this.#weights) {
      if (!Number.isSafeInteger(weight) || weight < 0)
        throw new RangeError(`the weight of server ${sid} is ${weight}: it must be a whole number`);
      total += weight;
    }
    if (total === 0) throw new RangeError(`servers ${voters.join(', ')} weigh nothing together`);
    this.totalWeight = total;
  }

  containsQuorum(sids: ReadonlySet<number>): boolean {
    let weight = 0;
    for (const [sid, own] of this.#weights) if (sids.has(sid)) weight += own;
    return weight * 2 > this.totalWeight;
  }

  weightOf(sid: number): number {
    return this.#weights.get(sid) ?? 0;
  }
}

/**
 * A majority of the groups, each by more than half of its weight (QuorumHierarchical, protocol/quorum.md §8). Groups
 * whose servers weigh nothing do not count. Throws RangeError when a voter is in no group or in two, and when no group
 * weighs anything.
 */
export class HierarchicalQuorum implements QuorumVerifier {
  readonly voters: readonly number[];
  readonly #groups: readonly WeightedQuorum[];

  constructor(
    voters: readonly number[],
    groups: ReadonlyMap<number, readonly number[]>,
    weights: ReadonlyMap<number, number>,
  ) {
    this.voters = checkedVoters(voters);
    const groupOf = new Map<number, number>();
    for (const [group, sids] of groups) {
      for (const sid of sids) {
        if (!voters.includes(sid))
          throw new RangeError(`group ${group} names server ${sid}, which is no voter`);
        const other = groupOf.get(sid);
        if (other !== undefined)
          throw new RangeError(
            other === group
              ? `group ${group} names server ${sid} twice`
              : `server ${sid} is in group ${other} and in group ${group}`,
          );
        groupOf.set(sid, group);
      }
    }
    for (const sid of voters) {
      if (!groupOf.has(sid)) throw new RangeError(`server ${sid} is in no group`);
    }
    this.#groups = [...groups.values()]
      .filter((sids) => sids.some((sid) => weights.get(sid) !== 0))
      .map((sids) => new WeightedQuorum(sids, weights));
    if (this.#groups.length === 0) throw new RangeError('no group weighs anything');
  }

  containsQuorum(sids: ReadonlySet<number>): boolean {
    let votes = 0;
    for (const group of this.#groups) if (group.containsQuorum(sids)) votes++;
    return votes * 2 > this.#groups.length;
  }

  weightOf(sid: number): number {
    for (const group of this.#groups) {
      const weight = group.weightOf(sid);
      if (weight > 0) return weight;
    }
    return 0;
  }
}
