import type { Tensor } from '../shared/model/tensor.ts';
import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { BatchLimits } from './batch-costs.ts';
import { createBatchTrials } from './batch-trials.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createSegmentRuns, noiseFor, type SegmentRun, type SegmentRunsOptions } from './segment-runs.ts';
import { type Segment, type ServedModel, segmentsOf } from './served-models.ts';

/** Segments in the inference threads, with what is known of how long they take; every thread keeps those used last. */
export interface SegmentSessions {
  /** @returns how many requests a run may take, there or on some thread: ascending, 1 first */
  sizes(segment: Segment, thread?: number): readonly number[];
  /** @returns what a run of so many requests should take, loading included where it is not loaded: there, or on the best thread */
  costMs(segment: Segment, size: number, thread?: number): number;
  /**
   * Runs a segment on a thread that is free, for one request or for several together.
   * @param requests of each its tensors, as `segment.inputs` asks; given away
   * @throws {FleetError} `inference-failed`, `inference-closed`
   */
  run(
    segment: Segment,
    requests: readonly (readonly Tensor[])[],
    thread: number,
  ): Promise<Pick<SegmentRun, 'outputs' | 'computeMs'>>;
  /** More requests for a segment wait at a thread than one run takes there. */
  crowded(segment: Segment, thread: number): void;
  /** Loads and warms a segment in all threads, when their turn comes. @returns whether all have it now */
  prepare(segment: Segment): Promise<boolean>;
  /** Forgets the segments of a model. */
  unload(model: ServedModel): void;
}

export interface SegmentSessionsOptions extends SegmentRunsOptions, BatchLimits {
  dispatcher: Pick<Dispatcher<never>, 'enqueue'>;
  log: Log;
}

/** How soon a thread that has other work should have loaded a segment that somebody is about to use, ms. */
const prepareWithinMs = 1000;

/** The second run of a new session tells what the next ones will take. */
const warmUpRuns = 2;

export function createSegmentSessions(options: SegmentSessionsOptions): SegmentSessions {
  const { dispatcher, maxBatch, maxBatchMs, clock, log } = options;
  const runs = createSegmentRuns(options);
  const trials = createBatchTrials({ runs, dispatcher, maxBatch, maxBatchMs, clock, log });
  const preparing = new Map<string, Promise<boolean>>();
  const threads = Array.from({ length: runs.threads }, (_, thread) => thread);

  const run: SegmentSessions['run'] = async (segment, requests, thread) => {
    const { isFirst, tookMs, ...result } = await runs.run(segment, requests, thread);
    if (!isFirst && requests.length === 1) segment.duration.observe(tookMs);
    else if (!isFirst) segment.batches?.observe(requests.length, tookMs);
    return result;
  };

  async function prepareOn(segment: Segment, thread: number): Promise<boolean> {
    try {
      for (let i = 0; i < warmUpRuns; i += 1) await run(segment, [noiseFor(segment, i)], thread);
      return true;
    } catch (error) {
      if (!isFleetError(error, 'inference-closed'))
        log.error({ segment: segment.key, reason: messageOf(error) }, 'no segment');
      return false;
    }
  }

  function enqueuePreparation(segment: Segment, thread: number): Promise<boolean> {
    if (runs.isLoaded(segment, thread)) return Promise.resolve(true);
    return new Promise((resolve) => {
      dispatcher.enqueue({
        deadlineMs: clock.nowMs() + prepareWithinMs,
        costMs: () => runs.loadingMs + warmUpRuns * segment.duration.ms,
        pinned: thread,
        run: () => prepareOn(segment, thread).then(resolve),
      });
    });
  }

  return {
    sizes: (segment, thread) => segment.batches?.sizes(thread) ?? [1],
    costMs(segment, size, thread) {
      const loaded =
        thread === undefined ? threads.some((i) => runs.isLoaded(segment, i)) : runs.isLoaded(segment, thread);
      const runMs = segment.batches?.ms(size) ?? size * segment.duration.ms;
      return runMs + (loaded ? 0 : runs.loadingMs);
    },
    run,
    crowded: trials.consider,
    prepare(segment) {
      const running = preparing.get(segment.key);
      if (running !== undefined) return running;
      const started = Promise.all(threads.map((thread) => enqueuePreparation(segment, thread)))
        .then((ready) => ready.every(Boolean))
        .finally(() => preparing.delete(segment.key));
      preparing.set(segment.key, started);
      return started;
    },
    unload(model) {
      for (const segment of segmentsOf(model)) runs.unload(segment);
    },
  };
}
