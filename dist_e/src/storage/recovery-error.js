/** The files of a data directory do not add up to a history that can be trusted; says what to do. */
export class RecoveryError extends Error {
    name = 'RecoveryError';
}
