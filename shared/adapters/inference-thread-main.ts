import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Tensors } from '../model/tensor.ts';
import { isFleetError, messageOf } from '../runtime/errors.ts';
import type { InferenceReply, InferenceRequest, InferenceThreadOptions, MeasurePlan } from './inference-messages.ts';
import { buffersOf, monotonicMs } from './inference-messages.ts';
import type { OnnxSession } from './onnx-session.ts';
import { createOnnxSession } from './onnx-session.ts';
import { createSessionCache, type SessionCache } from './session-cache.ts';
import { waitUntil } from './wait-until.ts';

// The thread that holds sessions and runs them. It ends by closing its port once it is asked to, never in a run:
// the runtime aborts the whole process when its thread is ended under it.

const port = parentPort;
if (port !== null) {
  const { maxSessions }: InferenceThreadOptions = workerData;
  const sessions = createSessionCache(maxSessions);
  port.on('message', async (request: InferenceRequest) => {
    const reply = await answer(sessions, request);
    port.postMessage(reply, reply.kind === 'run' ? buffersOf(reply.outputs) : []);
    if (request.kind === 'close') port.close();
  });
}

async function answer(sessions: SessionCache, request: InferenceRequest): Promise<InferenceReply> {
  try {
    switch (request.kind) {
      case 'load': {
        const startMs = performance.now();
        const evicted = await sessions.load(request.key, () => createOnnxSession(request.bytes));
        return { kind: 'load', loadMs: performance.now() - startMs, evicted };
      }
      case 'run':
        return await run(sessions.use(request.key), request.inputs, request.minimumMs);
      case 'measure':
        return await measure(sessions.use(request.key), request.inputs, request);
      case 'unload':
        await sessions.release(request.key);
        return { kind: 'unload' };
      case 'close':
        await sessions.close();
        return { kind: 'close' };
    }
  } catch (error) {
    return { kind: 'failed', code: isFleetError(error) ? error.code : 'inference-failed', message: messageOf(error) };
  }
}

async function run(session: OnnxSession, inputs: Tensors, minimumMs: number): Promise<InferenceReply> {
  const startedMonotonicMs = monotonicMs();
  const startMs = performance.now();
  const outputs = await session.run(inputs);
  const runtimeMs = performance.now() - startMs;
  if (runtimeMs < minimumMs) await waitUntil(startMs + minimumMs);
  return { kind: 'run', outputs, runtimeMs, computeMs: performance.now() - startMs, startedMonotonicMs };
}

async function measure(session: OnnxSession, inputs: Tensors, plan: MeasurePlan): Promise<InferenceReply> {
  const times: number[] = [];
  for (let round = -plan.warmUp; round < plan.runs; round += 1) {
    if (plan.gapMs > 0) await sleep(plan.gapMs);
    const startMs = performance.now();
    await session.run(inputs);
    if (round >= 0) times.push(performance.now() - startMs);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const [medianMs, p90Ms, minMs] = [quantile(0.5), quantile(0.9), quantile(0)];
  return { kind: 'measure', medianMs, p90Ms, minMs, runs: times.length, timesMs: times };
}
