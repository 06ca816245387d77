// The thread of one connection worker (design §1): everything is in src/connection; here it meets the thread's port.

import { parentPort, workerData } from 'node:worker_threads';
import { ConnectionWorker } from '../src/connection/connection-worker.ts';
import type { ConnectionWorkerData, MainMessage, WorkerMessage } from '../src/connection/worker-data.ts';
import { createLogger, LimitedLog } from '../src/server/logging.ts';

const port = parentPort;
if (port === null) throw new Error('workers/connection is started by the server as a worker thread');
const data = workerData as ConnectionWorkerData;
const logger = createLogger({
  thread: `connection-${data.index}`,
  format: data.options.logFormat,
  level: data.options.logLevel,
});
const limited = new LimitedLog(logger);
const worker = new ConnectionWorker(
  data,
  (message: WorkerMessage) => port.postMessage(message),
  (connection, kind, problem) => limited.warn(kind, `${connection}: ${problem}`),
);
port.on('message', (message: MainMessage) => {
  worker.receive(message);
});
await worker.listen();
