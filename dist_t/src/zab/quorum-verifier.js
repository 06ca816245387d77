/** More than half of the voters. Throws RangeError when there are none, or one of them twice. */
export class MajorityQuorum {
    voters;
    constructor(voters) {
        if (voters.length === 0)
            throw new RangeError('an ensemble has at least one voter');
        if (new Set(voters).size !== voters.length)
            throw new RangeError(`a voter is named twice: ${voters.join(', ')}`);
        this.voters = voters;
    }
    containsQuorum(sids) {
        let votes = 0;
        for (const voter of this.voters)
            if (sids.has(voter))
                votes++;
        return votes * 2 > this.voters.length;
    }
}
