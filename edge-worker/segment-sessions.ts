import type { InferenceThread } from '../shared/adapters/inference-thread.ts';
import { extractTensors } from '../shared/model/split.ts';
import type { Tensor, Tensors } from '../shared/model/tensor.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError, isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createDurationEstimate } from './duration-estimate.ts';
import { type Segment, type ServedModel, segmentsOf } from './served-models.ts';
import { createSlowing } from './slowing.ts';

export interface SegmentResult {
  /** As `segment.outputs` tells. */
  outputs: Tensor[];
  /** With the waiting of an emulated processor. */
  computeMs: number;
}

/**
 * Segments loaded in the inference threads, each cut out of its model when it is first wanted; every thread keeps those
 * that were used last.
 */
export interface SegmentSessions {
  /** @returns what running a segment should take, loading included where it is not loaded: there, or on the best thread */
  costMs(segment: Segment, thread?: number): number;
  /**
   * Runs a segment on a thread that is free.
   * @param tensors as `segment.inputs` asks; given away
   * @throws {FleetError} `inference-failed`, `inference-closed`
   */
  run(segment: Segment, tensors: readonly Tensor[], thread: number): Promise<SegmentResult>;
  /** Loads and warms a segment in all threads, when their turn comes. @returns whether all have it now */
  prepare(segment: Segment): Promise<boolean>;
  /** Forgets the segments of a model. */
  unload(model: ServedModel): void;
}

export interface SegmentSessionsOptions {
  threads: readonly InferenceThread[];
  dispatcher: Pick<Dispatcher, 'enqueue'>;
  /** How many times slower a segment is made to run, asked before each run; absent: no slower processor is emulated. */
  processorFactor: (() => number) | undefined;
  /** A thread has ended without being asked to. */
  onThreadLost(): void;
  clock: Clock;
  log: Log;
}

/** How soon a thread that has other work should have loaded a segment that somebody is about to use, ms. */
const prepareWithinMs = 1000;

/** The second run of a new session tells what the next ones will take. */
const warmUpRuns = 2;

export function createSegmentSessions(options: SegmentSessionsOptions): SegmentSessions {
  const { threads, dispatcher, clock, log } = options;
  const loading = createDurationEstimate();
  const preparing = new Map<string, Promise<boolean>>();
  const slowing = createSlowing(options.processorFactor);
  const isLoaded = (segment: Segment, thread: number): boolean => threads[thread]?.has(segment.key) === true;

  /** @returns whether it had to be loaded */
  async function load(segment: Segment, thread: InferenceThread): Promise<boolean> {
    if (thread.has(segment.key)) return false;
    const startMs = clock.nowMs();
    await thread.load(segment.key, fileOf(segment));
    await slowing.timeOnce(segment.key, thread, toInputs(segment, noiseFor(segment)));
    loading.observe(clock.nowMs() - startMs);
    return true;
  }

  async function run(segment: Segment, tensors: readonly Tensor[], number: number): Promise<SegmentResult> {
    const thread = threads[number];
    if (thread === undefined) throw new FleetError('inference-closed', `there is no inference thread ${number}`);
    try {
      return await runOn(segment, tensors, thread);
    } catch (error) {
      if (isFleetError(error, 'inference-closed')) options.onThreadLost();
      throw error;
    }
  }

  async function runOn(segment: Segment, tensors: readonly Tensor[], thread: InferenceThread): Promise<SegmentResult> {
    const isFirstRun = await load(segment, thread);
    const startMs = clock.nowMs();
    const { outputs, computeMs } = await thread.run(
      segment.key,
      toInputs(segment, tensors),
      slowing.atLeast(segment.key),
    );
    // A session's first run takes longer than all that follow.
    if (!isFirstRun) segment.duration.observe(clock.nowMs() - startMs);
    return { outputs: segment.outputs.map(({ name }) => requireOutput(segment, outputs, name)), computeMs };
  }

  async function prepareOn(segment: Segment, thread: number): Promise<boolean> {
    try {
      for (let i = 0; i < warmUpRuns; i += 1) {
        await run(segment, noiseFor(segment), thread);
      }
      return true;
    } catch (error) {
      if (!isFleetError(error, 'inference-closed'))
        log.error({ segment: segment.key, reason: messageOf(error) }, 'no segment');
      return false;
    }
  }

  function enqueuePreparation(segment: Segment, thread: number): Promise<boolean> {
    if (isLoaded(segment, thread)) return Promise.resolve(true);
    return new Promise((resolve) => {
      dispatcher.enqueue({
        deadlineMs: clock.nowMs() + prepareWithinMs,
        costMs: () => loading.ms + warmUpRuns * segment.duration.ms,
        pinned: thread,
        run: () => prepareOn(segment, thread).then(resolve),
      });
    });
  }

  return {
    costMs(segment, thread) {
      const loaded = thread === undefined ? threads.some((_, i) => isLoaded(segment, i)) : isLoaded(segment, thread);
      return segment.duration.ms + (loaded ? 0 : loading.ms);
    },
    run,
    prepare(segment) {
      const running = preparing.get(segment.key);
      if (running !== undefined) return running;
      const started = Promise.all(threads.map((_, thread) => enqueuePreparation(segment, thread)))
        .then((ready) => ready.every(Boolean))
        .finally(() => preparing.delete(segment.key));
      preparing.set(segment.key, started);
      return started;
    },
    unload: (model) => unloadFrom(threads, model),
  };
}

function unloadFrom(threads: readonly InferenceThread[], model: ServedModel): void {
  for (const { key } of segmentsOf(model)) {
    for (const thread of threads) {
      // A thread that is closing drops everything anyway.
      if (thread.has(key)) void thread.unload(key).catch(() => {});
    }
  }
}

/** @returns the segment as an ONNX file */
function fileOf({ model: { graph, shapes }, ...segment }: Segment): Uint8Array {
  const [inputs, outputs] = [segment.inputs.map(nameOf), segment.outputs.map(nameOf)];
  return extractTensors(graph, { inputs, outputs, shapes });
}

function nameOf({ name }: { name: string }): string {
  return name;
}

function requireOutput({ key }: Segment, outputs: Tensors, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined) throw new FleetError('inference-failed', `${key} gave no ${name}`);
  return tensor;
}

/** @returns inputs of the right shapes; zeros could take less time than what is served */
function noiseFor({ inputs }: Segment): Tensor[] {
  return inputs.map(({ dims, elements }) => ({
    dims,
    data: Float32Array.from({ length: elements }, (_, i) => Math.sin(i)),
  }));
}

function toInputs(segment: Segment, tensors: readonly Tensor[]): Record<string, Tensor> {
  const inputs: Record<string, Tensor> = {};
  for (const [index, { name }] of segment.inputs.entries()) {
    const tensor = tensors[index];
    if (tensor !== undefined) inputs[name] = tensor;
  }
  return inputs;
}
