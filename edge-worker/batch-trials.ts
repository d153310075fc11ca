import type { Tensor } from '../shared/model/tensor.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { BatchCosts, BatchLimits } from './batch-costs.ts';
import type { Dispatcher } from './dispatcher.ts';
import { distinctNoises, noiseBatch, noiseFor, type SegmentRuns } from './segment-runs.ts';
import type { Segment } from './served-models.ts';

export interface BatchTrialsOptions extends BatchLimits {
  runs: Pick<SegmentRuns, 'run' | 'timeOwn'>;
  dispatcher: Pick<Dispatcher<never>, 'enqueue'>;
  clock: Clock;
  log: Log;
}

/**
 * Tries sizes of batches before requests are run in them: what they cost, and that a batch gives what its requests
 * give one by one. A graph in which requests of one batch see each other is found out here, whatever its operators.
 */
export interface BatchTrials {
  /** Requests for a segment wait at a thread: has the next larger size tried there when its turn comes. */
  consider(segment: Segment, thread: number): void;
}

/** How soon a busy thread should have tried a size, ms: requests have earlier deadlines, and go first. */
const tryWithinMs = 1000;

/** Requests that a trial runs one by one besides. */
const singles = distinctNoises;
/** The first run of a size sets up what the next ones use. */
const runsOfSize = 2;

/**
 * How far a result may be from what the request gives by itself, as a share of the result's greatest value: for more
 * rows the runtime adds products up in another order.
 */
export const batchTolerance = 1e-4;

export function createBatchTrials(options: BatchTrialsOptions): BatchTrials {
  const { runs, dispatcher, clock, log, ...limits } = options;
  const underway = new Set<string>();

  async function attempt(
    segment: Segment,
    batches: BatchCosts,
    where: { size: number; thread: number },
  ): Promise<void> {
    const { size, thread } = where;
    const alone: Tensor[][] = [];
    for (let seed = 0; seed < singles; seed += 1) {
      const { outputs } = await runs.run(segment, [noiseFor(segment, seed)], thread);
      alone.push(...outputs);
    }
    const batch = noiseBatch(segment, size);
    const { outputs } = await runs.run(segment, batch, thread);
    if (!outputs.every((tensors, place) => isClose(tensors, alone[place % distinctNoises] ?? []))) {
      log.warn({ segment: segment.key, size }, 'a batch gives something else than its requests: none are run together');
      batches.refuse();
      return;
    }
    await runs.timeOwn(segment, size, thread);
    const { tookMs } = await runs.run(segment, batch, thread);
    batches.tried(size, tookMs, { thread, nowMs: clock.nowMs() });
    log.debug({ segment: segment.key, size, thread, tookMs, singleMs: segment.duration.ms }, 'batch size tried');
  }

  function giveUp(segment: Segment, batches: BatchCosts, error: unknown): void {
    if (isFleetError(error, 'inference-closed')) return;
    log.warn({ segment: segment.key, reason: messageOf(error) }, 'no batch can be run: none are run together');
    batches.refuse();
  }

  return {
    consider(segment, thread) {
      const { batches } = segment;
      const name = `${thread} ${segment.key}`;
      if (batches === undefined || underway.has(name)) return;
      const size = batches.untried(thread, limits, clock.nowMs());
      if (size === undefined) return;
      underway.add(name);
      dispatcher.enqueue({
        deadlineMs: clock.nowMs() + tryWithinMs,
        costMs: () => (singles + runsOfSize * size) * segment.duration.ms,
        pinned: thread,
        run: () =>
          attempt(segment, batches, { size, thread })
            .catch((error) => giveUp(segment, batches, error))
            .finally(() => underway.delete(name)),
      });
    },
  };
}

function isClose(tensors: readonly Tensor[], expected: readonly Tensor[]): boolean {
  return tensors.every(({ data }, index) => {
    const wanted = expected[index]?.data ?? new Float32Array();
    const allowed = batchTolerance * greatestOf(wanted);
    return data.length === wanted.length && data.every((value, i) => Math.abs(value - (wanted[i] ?? 0)) <= allowed);
  });
}

function greatestOf(data: Float32Array): number {
  return data.reduce((most, value) => Math.max(most, Math.abs(value)), Number.MIN_VALUE);
}
