import type { Clock } from '../shared/runtime/clock.ts';
import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Answers, Arrival } from './answers.ts';
import type { Dispatcher } from './dispatcher.ts';
import { holdsNaN } from './inspect-tensors.ts';
import type { JobKind } from './jobs.ts';
import type { SegmentSessions } from './segment-sessions.ts';
import type { Segment } from './served-models.ts';

export interface RequestsOptions {
  sessions: Pick<SegmentSessions, 'sizes' | 'costMs' | 'run' | 'crowded' | 'prepare'>;
  dispatcher: Pick<Dispatcher<Arrival>, 'offer'>;
  answers: Answers;
  /** Told how long each request that was run waited, ms. */
  onQueueWait(waitMs: number): void;
  clock: Clock;
  log: Log;
}

/** Takes whole requests through the queue to their answers, those for one segment together where that pays. */
export interface Requests {
  /** Answers at once or after the run. */
  take(arrival: Arrival, segment: Segment): void;
}

export function createRequests(options: RequestsOptions): Requests {
  const { sessions, dispatcher, answers, clock } = options;
  const kinds = new WeakMap<Segment, JobKind<Arrival>>();

  function kindOf(segment: Segment): JobKind<Arrival> {
    const known = kinds.get(segment);
    if (known !== undefined) return known;
    const kind: JobKind<Arrival> = {
      sizes: (thread) => sessions.sizes(segment, thread),
      costMs: (size, thread) => sessions.costMs(segment, size, thread),
      run: (arrivals, thread) => compute(options, arrivals, { segment, thread }),
      crowded: (thread) => sessions.crowded(segment, thread),
    };
    kinds.set(segment, kind);
    return kind;
  }

  function expire(arrival: Arrival, segment: Segment, deadlineMs: number): void {
    const nowMs = clock.nowMs();
    const isLoaded = sessions.costMs(segment, 1) <= segment.duration.ms;
    if (!isLoaded && nowMs + segment.duration.ms < deadlineMs) {
      // Only loading would have taken too long: the next request is to find the segment loaded.
      void sessions.prepare(segment);
      answers.decline(arrival, 'unavailable');
      return;
    }
    if (nowMs < deadlineMs) segment.duration.refused();
    answers.decline(arrival, 'expired');
  }

  return {
    take(arrival, segment) {
      const { firstArrivalMs, header, tensors } = arrival.message;
      if (holdsNaN(tensors)) {
        options.log.debug(
          { device: arrival.device, status: 'invalid', reason: 'a tensor holds NaN' },
          'request refused',
        );
        answers.decline(arrival, 'invalid');
        return;
      }
      const deadlineMs = firstArrivalMs + header.timeLeftUs / 1000;
      const verdict = dispatcher.offer({
        deadlineMs,
        kind: kindOf(segment),
        piece: arrival,
        expire: () => expire(arrival, segment, deadlineMs),
      });
      if (verdict === 'overloaded') answers.decline(arrival, 'overloaded');
      else if (verdict === 'expired') expire(arrival, segment, deadlineMs);
    },
  };
}

async function compute(
  options: RequestsOptions,
  arrivals: readonly Arrival[],
  { segment, thread }: { segment: Segment; thread: number },
): Promise<void> {
  const { sessions, answers, onQueueWait } = options;
  const tensors = arrivals.map(({ message }) => message.tensors);
  const run = await sessions.run(segment, tensors, thread).catch((error: unknown) => ({ error }));
  for (const [place, arrival] of arrivals.entries()) {
    try {
      if ('error' in run) throw run.error;
      const report = answers.deliver(arrival, run.outputs[place] ?? [], run.computeMs / arrivals.length);
      onQueueWait(report.queueUs / 1000);
    } catch (error) {
      options.log.error({ device: arrival.device, segment: segment.key, reason: messageOf(error) }, 'request failed');
      answers.decline(arrival, isFleetError(error, 'tensor-unsupported') ? 'invalid' : 'unavailable');
    }
  }
}
