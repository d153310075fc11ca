import { Worker } from 'node:worker_threads';
import type { Tensors } from '../model/tensor.ts';
import { FleetError } from '../runtime/errors.ts';
import type {
  InferenceReply,
  InferenceRequest,
  InferenceThreadOptions,
  Measurement,
  MeasurePlan,
  RunResult,
} from './inference-messages.ts';
import { buffersOf, monotonicMs } from './inference-messages.ts';
import { createJobQueue } from './job-queue.ts';

/** How a job waits: urgent ones go before all normal ones, and a job that has not started yet can be withdrawn. */
export interface JobOptions {
  readonly priority?: 'normal' | 'urgent';
  readonly signal?: AbortSignal;
}

export interface RunOptions extends JobOptions {
  /** An emulated slower processor: the run ends no earlier than this after its start. */
  readonly minimumMs?: number;
}

/**
 * A thread that holds models and runs them. INVARIANT one job in flight; further ones wait in order.
 * Every method fails with `inference-cancelled` when its signal fires before the job starts, and with
 * `inference-closed` after `close`.
 */
export interface InferenceThread {
  /**
   * Loads a model under a key; a key that is loaded already stays as it is.
   * @param bytes an ONNX file; a copy is handed to the thread
   * @throws {FleetError} `inference-failed` when the runtime refuses it
   */
  load(key: string, bytes: Uint8Array, options?: JobOptions): Promise<{ loadMs: number }>;
  /**
   * @param inputs given away: their buffers are handed to the thread, not copied, when the job starts
   * @throws {FleetError} `segment-not-loaded`, `tensor-unsupported`, `inference-failed`
   */
  run(key: string, inputs: Tensors, options?: RunOptions): Promise<RunResult>;
  /** Runs again and again, all in one job. @param inputs given away @throws {FleetError} as `run` */
  measure(key: string, inputs: Tensors, plan: MeasurePlan, options?: JobOptions): Promise<Measurement>;
  unload(key: string, options?: JobOptions): Promise<void>;
  /** Whether a key is loaded, as of the last finished job. */
  has(key: string): boolean;
  /** Sessions that it keeps loaded. */
  readonly maxSessions: number;
  /** Jobs that wait or run. */
  readonly pending: number;
  /** Fails what waits, lets the job in flight finish, releases all sessions and waits for the thread's end. */
  close(): Promise<void>;
}

type ReplyTo<K extends InferenceRequest['kind']> = Extract<InferenceReply, { kind: K }>;

/** Starts a thread; whoever starts it closes it. */
export function startInferenceThread({ maxSessions }: InferenceThreadOptions): InferenceThread {
  const options: InferenceThreadOptions = { maxSessions };
  const worker = new Worker(new URL('./inference-thread-main.js', import.meta.url), { workerData: options });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const queue = createJobQueue<InferenceRequest, InferenceReply>((request) => {
    worker.postMessage(request, transferOf(request));
  });
  const loaded = new Set<string>();
  // The monotonic clock and performance.now() run alike; they differ in where they start.
  const clockOffsetMs = performance.now() - monotonicMs();
  let closing: Promise<void> | undefined;

  worker.on('message', (reply: InferenceReply) => queue.settle(reply));
  worker.on('error', (cause) => {
    queue.close(new FleetError('inference-failed', `the inference thread broke: ${cause.message}`, { cause }));
  });
  void ended.then(() => queue.close(new FleetError('inference-closed', 'the inference thread has ended')));

  async function ask<K extends InferenceRequest['kind']>(
    kind: K,
    request: Extract<InferenceRequest, { kind: K }>,
    jobOptions: JobOptions = {},
  ): Promise<ReplyTo<K>> {
    const reply = await queue.submit(request, jobOptions);
    if (isReplyTo(reply, kind)) return reply;
    if (reply.kind === 'failed') throw new FleetError(reply.code, reply.message);
    throw new FleetError('inference-failed', `the inference thread answered ${reply.kind} to ${kind}`);
  }

  async function shutDown(): Promise<void> {
    queue.failWaiting(new FleetError('inference-closed', 'the inference thread is closing'));
    // A thread that has ended by itself has nothing left to release.
    await Promise.race([ask('close', { kind: 'close' }).catch(() => {}), ended]);
    queue.close(new FleetError('inference-closed', 'the inference thread is closed'));
    await ended;
  }

  return {
    async load(key, bytes, jobOptions) {
      refuseWhen(closing !== undefined);
      const { loadMs, evicted } = await ask('load', { kind: 'load', key, bytes: new Uint8Array(bytes) }, jobOptions);
      for (const old of evicted) loaded.delete(old);
      loaded.add(key);
      return { loadMs };
    },
    async run(key, inputs, { minimumMs = 0, ...jobOptions } = {}) {
      refuseWhen(closing !== undefined);
      const request = { kind: 'run', key, inputs: wholeBuffers(inputs), minimumMs } as const;
      const { outputs, computeMs, runtimeMs, startedMonotonicMs } = await ask('run', request, jobOptions);
      return { outputs, computeMs, runtimeMs, startedAtMs: startedMonotonicMs + clockOffsetMs };
    },
    async measure(key, inputs, { warmUp, runs, gapMs }, jobOptions) {
      refuseWhen(closing !== undefined);
      const request = { kind: 'measure', key, inputs: wholeBuffers(inputs), warmUp, runs, gapMs } as const;
      const { kind: _, ...measurement } = await ask('measure', request, jobOptions);
      return measurement;
    },
    async unload(key, jobOptions) {
      refuseWhen(closing !== undefined);
      await ask('unload', { kind: 'unload', key }, jobOptions);
      loaded.delete(key);
    },
    has: (key) => loaded.has(key),
    maxSessions,
    get pending() {
      return queue.size;
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

function isReplyTo<K extends InferenceRequest['kind']>(reply: InferenceReply, kind: K): reply is ReplyTo<K> {
  return reply.kind === kind;
}

function refuseWhen(closing: boolean): void {
  if (closing) throw new FleetError('inference-closed', 'the inference thread is closing');
}

/** A view of part of a buffer is copied: handing over the whole would take what the caller did not give. */
function wholeBuffers(inputs: Tensors): Tensors {
  const whole = ({ data }: Tensors[string]) => data.byteLength === data.buffer.byteLength;
  return Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [
      name,
      whole(tensor) ? tensor : { data: tensor.data.slice(), dims: tensor.dims },
    ]),
  );
}

function transferOf(request: InferenceRequest): ArrayBuffer[] {
  switch (request.kind) {
    case 'load':
      return request.bytes.buffer instanceof ArrayBuffer ? [request.bytes.buffer] : [];
    case 'run':
    case 'measure':
      return buffersOf(request.inputs);
    case 'unload':
    case 'close':
      return [];
  }
}
