import { parentPort } from 'node:worker_threads';

// Gives back what it gets, the buffer handed over and not copied: what an inference thread costs without inference.
parentPort?.on('message', (data: ArrayBuffer) => parentPort?.postMessage(data, [data]));
