// The thread of one connection worker (design §1): everything is in src/connection; here it meets the thread's port. The
// first message is its data: the thread may have been started long before main has it.

import { parentPort } from 'node:worker_threads';
import { ConnectionWorker } from '../src/connection/connection-worker.ts';
import type { ConnectionWorkerData, MainMessage, WorkerMessage } from '../src/connection/worker-data.ts';
import { createLogger, LimitedLog } from '../src/server/logging.ts';

const port = parentPort;
if (port === null) throw new Error('workers/connection is started by the server as a worker thread');
let worker: ConnectionWorker | null = null;

port.on('message', (message: ConnectionWorkerData | MainMessage) => {
  if (worker !== null) {
    worker.receive(message as MainMessage);
    return;
  }
  worker = create(message as ConnectionWorkerData, (answer) => port.postMessage(answer));
  void worker.listen();
});

function create(data: ConnectionWorkerData, post: (message: WorkerMessage) => void): ConnectionWorker {
  const logger = createLogger({
    thread: `connection-${data.index}`,
    format: data.options.logFormat,
    level: data.options.logLevel,
  });
  const limited = new LimitedLog(logger);
  return new ConnectionWorker(data, post, (connection, kind, problem) =>
    limited.warn(kind, `${connection}: ${problem}`),
  );
}
