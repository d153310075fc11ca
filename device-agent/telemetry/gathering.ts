import { type FrameBrief, toColumns } from '../../shared/protocol/frame-briefs.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import type { NewReport, Samples } from '../../shared/protocol/telemetry.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { briefOf, summarise } from './summarise.ts';

/** What happens between two reports. INVARIANT: bounded; of more frames than it holds the oldest go. */
export interface Gathering {
  record(result: FrameResult): void;
  /** A worker's reply came too late to be used: it goes with the next summary of frames. */
  countLateReply(): void;
  /** @returns what was gathered since the last call, as reports that are each well below the bounds of one message */
  take(samples: Samples['samples']): NewReport[];
  /** @returns also the frames that would wait for company */
  takeAll(samples: Samples['samples']): NewReport[];
}

/** Frames held while the disk takes nothing. */
const maxFrames = 5000;
/** So long single frames wait for others, to share a report with them, ms. */
const briefsEveryMs = 5000;
const briefsPerReport = 60;
const samplesPerReport = 25;

/** @param onLost called where a frame finds no room, and the oldest is not reported */
export function createGathering(clock: Clock, onLost: () => void): Gathering {
  let results: FrameResult[] = [];
  let briefs: FrameBrief[] = [];
  let lateReplies = 0;
  let from = clock.wallTime().toISOString();
  let briefsSinceMs = clock.nowMs();

  function takeSummary(): NewReport[] {
    const to = clock.wallTime().toISOString();
    const taken = results;
    const interval = { from, to };
    results = [];
    from = to;
    if (taken.length === 0) return [];
    const summary = { ...summarise(taken, interval), lateReplies };
    lateReplies = 0;
    return [{ kind: 'summary', ...summary }];
  }

  function takeBriefs(): NewReport[] {
    const taken = briefs;
    briefs = [];
    briefsSinceMs = clock.nowMs();
    return pieces(taken, briefsPerReport).map((piece) => ({ kind: 'results', ...toColumns(piece) }));
  }

  function takeCounts(samples: Samples['samples']): NewReport[] {
    const reports = pieces(samples, samplesPerReport).map((piece): NewReport => ({ kind: 'samples', samples: piece }));
    return [...reports, ...takeSummary()];
  }

  return {
    record(result) {
      results.push(result);
      briefs.push(briefOf(result, clock.wallTime().getTime()));
      if (results.length > maxFrames) {
        results.shift();
        onLost();
      }
      if (briefs.length > maxFrames) briefs.shift();
    },
    countLateReply() {
      lateReplies += 1;
    },
    take(samples) {
      const isDue = clock.nowMs() - briefsSinceMs >= briefsEveryMs || briefs.length >= briefsPerReport;
      return [...takeCounts(samples), ...(isDue ? takeBriefs() : [])];
    },
    takeAll: (samples) => [...takeCounts(samples), ...takeBriefs()],
  };
}

function pieces<T>(list: readonly T[], length: number): T[][] {
  const count = Math.ceil(list.length / length);
  return Array.from({ length: count }, (_, index) => list.slice(index * length, (index + 1) * length));
}
