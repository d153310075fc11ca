import { Worker } from 'node:worker_threads';
import type { TensorShapes } from '../model/shapes.ts';
import { FleetError } from '../runtime/errors.ts';
import type { TraceReply } from './trace-shapes-main.ts';

/**
 * `traceShapes` in a thread of its own that ends with it, for who must not be held up by it.
 * @param file an ONNX file, of which the thread gets a copy
 * @throws {FleetError} what `traceShapes` and `parseModel` throw; `inference-failed` where the thread breaks
 */
export function traceShapesAside(file: Uint8Array): Promise<TensorShapes> {
  const thread = new Worker(new URL('./trace-shapes-main.js', import.meta.url), { workerData: file });
  return new Promise((resolve, reject) => {
    let reply: TraceReply | undefined;
    thread.on('message', (message: TraceReply) => {
      reply = message;
    });
    thread.on('error', (cause) => {
      reject(new FleetError('inference-failed', `the thread that runs the model broke: ${cause.message}`, { cause }));
    });
    // Not before its end: a process that ends meanwhile would end the runtime in mid-run.
    thread.on('exit', () => {
      if (reply?.kind === 'shapes') resolve(reply.shapes);
      else if (reply?.kind === 'failed') reject(new FleetError(reply.code, reply.message));
      else reject(new FleetError('inference-failed', 'the thread that runs the model has ended without an answer'));
    });
  });
}
