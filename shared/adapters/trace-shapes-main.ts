import { parentPort, workerData } from 'node:worker_threads';
import { parseModel } from '../model/parse-model.ts';
import type { TensorShapes } from '../model/shapes.ts';
import { type ErrorCode, isFleetError, messageOf } from '../runtime/errors.ts';
import { traceShapes } from './trace-shapes.ts';

/** What the thread answers before it ends. */
export type TraceReply =
  | { readonly kind: 'shapes'; readonly shapes: TensorShapes }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

async function trace(bytes: Uint8Array): Promise<TraceReply> {
  try {
    return { kind: 'shapes', shapes: await traceShapes(parseModel(bytes)) };
  } catch (error) {
    return { kind: 'failed', code: isFleetError(error) ? error.code : 'inference-failed', message: messageOf(error) };
  }
}

const port = parentPort;
const bytes: unknown = workerData;
if (port !== null && bytes instanceof Uint8Array) void trace(bytes).then((reply) => port.postMessage(reply));
