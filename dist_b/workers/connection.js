// The thread of one connection worker (design §1): everything is in src/connection; here it meets the thread's port.
import { parentPort, workerData } from 'node:worker_threads';
import { ConnectionWorker } from '../src/connection/connection-worker.js';
import { createLogger, LimitedLog } from '../src/server/logging.js';
const port = parentPort;
if (port === null)
    throw new Error('workers/connection is started by the server as a worker thread');
const data = workerData;
const logger = createLogger({
    thread: `connection-${data.index}`,
    format: data.options.logFormat,
    level: data.options.logLevel,
});
const limited = new LimitedLog(logger);
const worker = new ConnectionWorker(data, (message) => port.postMessage(message), (connection, kind, problem) => limited.warn(kind, `${connection}: ${problem}`));
port.on('message', (message) => {
    worker.receive(message);
});
await worker.listen();
