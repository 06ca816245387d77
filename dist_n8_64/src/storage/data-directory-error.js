/** A data directory that cannot be used as it is. One line: which path, what is wrong, what to do. */
export class DataDirectoryError extends Error {
    name = 'DataDirectoryError';
}
