// A server's stand-in for data-directory.test.ts: takes the lock of the directory given and waits to be killed.
import { DataDirectory } from '../../src/storage/data-directory.js';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import { LogLines } from './support.js';
const dataDir = process.argv[2];
DataDirectory.open({
    dataDir,
    dataLogDir: dataDir,
    autocreate: true,
    fileSystem: nodeFileSystem,
    log: new LogLines(),
});
process.stdout.write('locked\n');
// Ends with the test at the latest: its end of the pipe closes then.
process.stdin.resume().on('end', () => process.exit(1));
