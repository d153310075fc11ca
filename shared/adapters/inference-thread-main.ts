import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import type { Tensors } from '../model/tensor.ts';
import { FleetError, isFleetError, messageOf } from '../runtime/errors.ts';
import type { InferenceReply, InferenceRequest, MeasurePlan } from './inference-messages.ts';
import { buffersOf, monotonicMs } from './inference-messages.ts';
import type { OnnxSession } from './onnx-session.ts';
import { createOnnxSession } from './onnx-session.ts';
import { waitUntil } from './wait-until.ts';

// The thread that holds sessions and runs them. It ends by closing its port once it is asked to, never in a run:
// the runtime aborts the whole process when its thread is ended under it.

const port = parentPort;
if (port !== null) {
  const sessions: Sessions = new Map();
  let last = Promise.resolve();
  async function serve(request: InferenceRequest): Promise<void> {
    const reply = await answer(sessions, request);
    port?.postMessage(reply, reply.kind === 'run' ? buffersOf(reply.outputs) : []);
    if (request.kind === 'close') port?.close();
  }
  // The next request may be here before the last one is answered.
  port.on('message', (request: InferenceRequest) => {
    last = last.then(() => serve(request));
  });
}

/** By key. */
type Sessions = Map<string, OnnxSession>;

async function answer(sessions: Sessions, request: InferenceRequest): Promise<InferenceReply> {
  try {
    switch (request.kind) {
      case 'load': {
        const startMs = performance.now();
        for (const key of request.evict) await release(sessions, key);
        if (!sessions.has(request.key)) sessions.set(request.key, await createOnnxSession(request.bytes));
        return { kind: 'load', loadMs: performance.now() - startMs };
      }
      case 'run':
        return await run(sessionOf(sessions, request.key), request.inputs, request.minimumMs);
      case 'measure':
        return await measure(sessionOf(sessions, request.key), request.inputs, request);
      case 'unload':
        await release(sessions, request.key);
        return { kind: 'unload' };
      case 'close':
        for (const key of [...sessions.keys()]) await release(sessions, key);
        return { kind: 'close' };
    }
  } catch (error) {
    return { kind: 'failed', code: isFleetError(error) ? error.code : 'inference-failed', message: messageOf(error) };
  }
}

function sessionOf(sessions: Sessions, key: string): OnnxSession {
  const session = sessions.get(key);
  if (session === undefined) throw new FleetError('segment-not-loaded', `segment ${key} is not loaded`);
  return session;
}

async function release(sessions: Sessions, key: string): Promise<void> {
  const session = sessions.get(key);
  sessions.delete(key);
  await session?.release();
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
