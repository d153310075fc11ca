import type { InferenceThread } from '../shared/adapters/inference-thread.ts';
import { extractSegment } from '../shared/model/split.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError, isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createDurationEstimate } from './duration-estimate.ts';
import type { ServedModel, Tail } from './served-models.ts';

export interface TailResult {
  output: Tensor;
  /** What the runtime took. */
  computeMs: number;
}

/**
 * Tails loaded in the inference threads, each cut out of its model when it is first wanted; every thread keeps those
 * that were used last.
 */
export interface TailSessions {
  /** @returns what running a tail should take, loading included where it is not loaded: there, or on the best thread */
  costMs(tail: Tail, thread?: number): number;
  /**
   * Runs a tail on a thread that is free.
   * @param tensors as `tail.inputs` asks; given away
   * @throws {FleetError} `inference-failed`, `inference-closed`
   */
  run(tail: Tail, tensors: readonly Tensor[], thread: number): Promise<TailResult>;
  /** Loads and warms a tail in all threads, when their turn comes. @returns whether all have it now */
  prepare(tail: Tail): Promise<boolean>;
  /** Forgets the tails of a model. */
  unload(model: ServedModel): void;
}

export interface TailSessionsOptions {
  threads: readonly InferenceThread[];
  dispatcher: Pick<Dispatcher, 'enqueue'>;
  /** A thread has ended without being asked to. */
  onThreadLost(): void;
  clock: Clock;
  log: Log;
}

/** How soon a thread that has other work should have loaded a tail that somebody is about to use, ms. */
const prepareWithinMs = 1000;

/** The second run of a new session tells what the next ones will take. */
const warmUpRuns = 2;

export function createTailSessions(options: TailSessionsOptions): TailSessions {
  const { threads, dispatcher, clock, log } = options;
  const loading = createDurationEstimate();
  const preparing = new Map<string, Promise<boolean>>();
  const isLoaded = (tail: Tail, thread: number): boolean => threads[thread]?.has(tail.key) === true;

  /** @returns whether it had to be loaded */
  async function load(tail: Tail, thread: InferenceThread): Promise<boolean> {
    if (thread.has(tail.key)) return false;
    const startMs = clock.nowMs();
    const { graph, shapes } = tail.model;
    await thread.load(tail.key, extractSegment(graph, tail.exitName, [tail.partition, tail.layers], shapes));
    loading.observe(clock.nowMs() - startMs);
    return true;
  }

  async function run(tail: Tail, tensors: readonly Tensor[], number: number): Promise<TailResult> {
    const thread = threads[number];
    if (thread === undefined) throw new FleetError('inference-closed', `there is no inference thread ${number}`);
    try {
      return await runOn(tail, tensors, thread);
    } catch (error) {
      if (isFleetError(error, 'inference-closed')) options.onThreadLost();
      throw error;
    }
  }

  async function runOn(tail: Tail, tensors: readonly Tensor[], thread: InferenceThread): Promise<TailResult> {
    const isFirstRun = await load(tail, thread);
    const startMs = clock.nowMs();
    const { outputs, computeMs } = await thread.run(tail.key, toInputs(tail, tensors));
    // A session's first run takes longer than all that follow.
    if (!isFirstRun) tail.duration.observe(clock.nowMs() - startMs);
    const output = outputs[tail.output];
    if (output === undefined) throw new FleetError('inference-failed', `${tail.key} gave no ${tail.output}`);
    return { output, computeMs };
  }

  async function prepareOn(tail: Tail, thread: number): Promise<boolean> {
    try {
      for (let i = 0; i < warmUpRuns; i += 1) {
        const zeros = tail.inputs.map(({ dims, elements }) => ({ dims, data: new Float32Array(elements) }));
        await run(tail, zeros, thread);
      }
      return true;
    } catch (error) {
      if (!isFleetError(error, 'inference-closed')) log.error({ tail: tail.key, reason: messageOf(error) }, 'no tail');
      return false;
    }
  }

  function enqueuePreparation(tail: Tail, thread: number): Promise<boolean> {
    if (isLoaded(tail, thread)) return Promise.resolve(true);
    return new Promise((resolve) => {
      dispatcher.enqueue({
        deadlineMs: clock.nowMs() + prepareWithinMs,
        costMs: () => loading.ms + warmUpRuns * tail.duration.ms,
        pinned: thread,
        run: () => prepareOn(tail, thread).then(resolve),
      });
    });
  }

  return {
    costMs(tail, thread) {
      const loaded = thread === undefined ? threads.some((_, i) => isLoaded(tail, i)) : isLoaded(tail, thread);
      return tail.duration.ms + (loaded ? 0 : loading.ms);
    },
    run,
    prepare(tail) {
      const running = preparing.get(tail.key);
      if (running !== undefined) return running;
      const started = Promise.all(threads.map((_, thread) => enqueuePreparation(tail, thread)))
        .then((ready) => ready.every(Boolean))
        .finally(() => preparing.delete(tail.key));
      preparing.set(tail.key, started);
      return started;
    },
    unload(model) {
      for (const tail of model.tails.flat()) {
        for (const thread of threads) {
          // A thread that is closing drops everything anyway.
          if (tail !== undefined && thread.has(tail.key)) void thread.unload(tail.key).catch(() => {});
        }
      }
    },
  };
}

function toInputs(tail: Tail, tensors: readonly Tensor[]): Record<string, Tensor> {
  const inputs: Record<string, Tensor> = {};
  for (const [index, { name }] of tail.inputs.entries()) {
    const tensor = tensors[index];
    if (tensor !== undefined) inputs[name] = tensor;
  }
  return inputs;
}
