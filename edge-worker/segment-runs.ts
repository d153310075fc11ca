import type { InferenceThread } from '../shared/adapters/inference-thread.ts';
import { extractTensors } from '../shared/model/split.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError, isFleetError } from '../shared/runtime/errors.ts';
import { createDurationEstimate } from './duration-estimate.ts';
import type { Segment } from './served-models.ts';
import { createSlowing } from './slowing.ts';
import { stackInputs, unstackOutputs } from './stacking.ts';

export interface SegmentRun {
  /** Of each request its tensors, as `segment.outputs` tells. */
  outputs: Tensor[][];
  /** Of the run as a whole, with the waiting of an emulated processor. */
  computeMs: number;
  /** How long the thread had nothing else to do, its way there and back with it, ms. */
  tookMs: number;
  /** The segment had to be loaded: a session's first run takes longer than all that follow. */
  isFirst: boolean;
}

/** Runs segments in the inference threads, each cut out of its model and loaded where it is first wanted. */
export interface SegmentRuns {
  readonly threads: number;
  isLoaded(segment: Segment, thread: number): boolean;
  /** What loading a segment takes, ms. */
  readonly loadingMs: number;
  /**
   * @param requests of each its tensors, as `segment.inputs` asks; given away
   * @throws {FleetError} `inference-failed`, `inference-closed`
   */
  run(segment: Segment, requests: readonly (readonly Tensor[])[], thread: number): Promise<SegmentRun>;
  /** Where a slower processor is emulated, finds out what a run of so many requests takes by itself. */
  timeOwn(segment: Segment, size: number, thread: number): Promise<void>;
  unload(segment: Segment): void;
}

export interface SegmentRunsOptions {
  threads: readonly InferenceThread[];
  /** How many times slower a segment is made to run, asked before each run; absent: no slower processor is emulated. */
  processorFactor: (() => number) | undefined;
  /** A thread has ended without being asked to. */
  onThreadLost(): void;
  clock: Clock;
}

export function createSegmentRuns({ threads, onThreadLost, clock, ...options }: SegmentRunsOptions): SegmentRuns {
  const loading = createDurationEstimate();
  const slowing = createSlowing(options.processorFactor);
  /** By thread, when it was last heard of being done with something. */
  const lastEndMs = threads.map(() => 0);

  function threadOf(number: number): InferenceThread {
    const thread = threads[number];
    if (thread === undefined) throw new FleetError('inference-closed', `there is no inference thread ${number}`);
    return thread;
  }

  async function timeOwn(segment: Segment, size: number, number: number): Promise<void> {
    const toInputs = () => stackInputs(segment, noiseBatch(segment, size));
    await slowing.timeOnce({ key: segment.key, size }, threadOf(number), toInputs);
  }

  async function load(segment: Segment, number: number): Promise<void> {
    const startMs = clock.nowMs();
    await threadOf(number).load(segment.key, fileOf(segment));
    await timeOwn(segment, 1, number);
    segment.batches?.forget(number);
    lastEndMs[number] = clock.nowMs();
    loading.observe(clock.nowMs() - startMs);
  }

  async function runOn(
    segment: Segment,
    requests: readonly (readonly Tensor[])[],
    number: number,
  ): Promise<SegmentRun> {
    const thread = threadOf(number);
    const isFirst = !thread.has(segment.key);
    // Nothing is awaited between finding it loaded and asking for the run: from then on it is not let go.
    while (!thread.has(segment.key)) await load(segment, number);
    const startMs = clock.nowMs();
    const size = requests.length;
    const { outputs, computeMs } = await thread.run(
      segment.key,
      stackInputs(segment, requests),
      slowing.atLeast({ key: segment.key, size }),
    );
    const endMs = clock.nowMs();
    const tookMs = endMs - Math.max(startMs, lastEndMs[number] ?? 0);
    lastEndMs[number] = endMs;
    return { outputs: unstackOutputs(segment, outputs, size), computeMs, tookMs, isFirst };
  }

  return {
    threads: threads.length,
    isLoaded: (segment, thread) => threads[thread]?.has(segment.key) === true,
    get loadingMs() {
      return loading.ms;
    },
    async run(segment, requests, thread) {
      try {
        return await runOn(segment, requests, thread);
      } catch (error) {
        if (isFleetError(error, 'inference-closed')) onThreadLost();
        throw error;
      }
    },
    timeOwn,
    unload({ key }) {
      for (const thread of threads) {
        // A thread that is closing drops everything anyway.
        if (thread.has(key)) void thread.unload(key).catch(() => {});
      }
    },
  };
}

/**
 * @param seed different inputs for different seeds
 * @returns inputs of the right shapes; zeros could take less time than what is served
 */
export function noiseFor({ inputs }: Pick<Segment, 'inputs'>, seed: number): Tensor[] {
  return inputs.map(({ dims, elements }) => ({
    dims,
    data: Float32Array.from({ length: elements }, (_, i) => Math.sin(i * (1 + seed / 7) + seed)),
  }));
}

/** How many inputs of a batch of noise differ. */
export const distinctNoises = 2;

/** @returns inputs for so many requests, in turns of `distinctNoises` different ones; one run of a single one takes its away */
export function noiseBatch(segment: Pick<Segment, 'inputs'>, size: number): Tensor[][] {
  const noises = Array.from({ length: Math.min(size, distinctNoises) }, (_, seed) => noiseFor(segment, seed));
  return Array.from({ length: size }, (_, place) => noises[place % distinctNoises] ?? []);
}

/** @returns the segment as an ONNX file */
function fileOf({ model: { graph, shapes }, ...segment }: Segment): Uint8Array {
  const [inputs, outputs] = [segment.inputs.map(nameOf), segment.outputs.map(nameOf)];
  return extractTensors(graph, { inputs, outputs, shapes });
}

function nameOf({ name }: { name: string }): string {
  return name;
}
