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
import { createJobQueue, type JobQueue } from './job-queue.ts';
import { createSessionLedger } from './session-ledger.ts';
import { estimatedSessionBytes } from './session-memory.ts';
import { createTally } from './tally.ts';

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
 * A thread that holds models and runs them, one job after the other; a model with jobs pending stays loaded.
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
  /** Whether a key is loaded, and still will be when a job that is submitted now has its turn. */
  has(key: string): boolean;
  /** Sessions that it keeps loaded. */
  readonly maxSessions: number;
  /** What they are estimated to take, bytes. */
  sessionBytes(): number;
  /** Jobs that wait or run. */
  readonly pending: number;
  /** Fails what waits, lets the job in flight finish, releases all sessions and waits for the thread's end. */
  close(): Promise<void>;
}

type ReplyTo<K extends InferenceRequest['kind']> = Extract<InferenceReply, { kind: K }>;

/** Starts a thread; whoever starts it closes it. */
export function startInferenceThread(options: InferenceThreadOptions): InferenceThread {
  const { maxSessions, maxSessionBytes = Number.POSITIVE_INFINITY, jobsInFlight = 1, bytesBesides = 0 } = options;
  const bytesOf = (file: Uint8Array): number => estimatedSessionBytes(file.byteLength) + bytesBesides;
  const worker = new Worker(new URL('./inference-thread-main.js', import.meta.url));
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const ledger = createSessionLedger({ maxSessions, maxSessionBytes });
  const needed = createTally();
  const queue = createJobQueue<InferenceRequest, InferenceReply>((request) => {
    if (request.kind === 'run' || request.kind === 'measure') ledger.use(request.key);
    worker.postMessage(withEvictions(request), transferOf(request));
  }, jobsInFlight);
  // The monotonic clock and performance.now() run alike; they differ in where they start.
  const clockOffsetMs = performance.now() - monotonicMs();
  let closing: Promise<void> | undefined;

  settleBy(worker, queue);

  /** Chosen when the thread gets the request: what has work pending by then is spared. */
  function withEvictions(request: InferenceRequest): InferenceRequest {
    if (request.kind !== 'load' || ledger.has(request.key)) return request;
    return { ...request, evict: ledger.makeRoom(bytesOf(request.bytes), needed.has) };
  }

  async function ask<K extends InferenceRequest['kind']>(
    kind: K,
    request: Extract<InferenceRequest, { kind: K }>,
    jobOptions: JobOptions = {},
  ): Promise<ReplyTo<K>> {
    const work = queue.submit(request, jobOptions);
    const reply = await ('key' in request ? needed.during(request.key, work) : work);
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
      const copy = new Uint8Array(bytes);
      const { loadMs } = await ask('load', { kind: 'load', key, bytes: copy, evict: [] }, jobOptions);
      ledger.add(key, bytesOf(bytes));
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
      ledger.remove(key);
      await ask('unload', { kind: 'unload', key }, jobOptions);
    },
    has: (key) => ledger.has(key),
    maxSessions,
    sessionBytes: () => ledger.bytes,
    get pending() {
      return queue.size;
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

/** Answers come from the thread; its end fails what is left. */
function settleBy(worker: Worker, queue: JobQueue<InferenceRequest, InferenceReply>): void {
  worker.on('message', (reply: InferenceReply) => queue.settle(reply));
  worker.on('error', (cause) => {
    queue.close(new FleetError('inference-failed', `the inference thread broke: ${cause.message}`, { cause }));
  });
  worker.once('exit', () => queue.close(new FleetError('inference-closed', 'the inference thread has ended')));
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
