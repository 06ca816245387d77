/**
 * A transaction log is damaged in a way that no crash explains: starting on what is left could silently drop
 * transactions that clients were told are safe.
 */
export class CorruptLogError extends Error {
    name = 'CorruptLogError';
    damage;
    constructor(damage) {
        const detail = damage.detail === undefined ? '' : ` (${damage.detail})`;
        super(`${damage.path}: damaged at offset ${damage.offset}: expected ${damage.expected}, found ${damage.found}${detail}. ` +
            'Not started, since acknowledged transactions may be in the damaged part. Restore this file from a backup; ' +
            'or, on a member of an ensemble, move the version-2 directories away and let the server copy its data from ' +
            'the leader; or, to go on without everything from this offset on, move the later log files away and run ' +
            `truncate -s ${damage.offset} on this one`);
        this.damage = damage;
    }
}
