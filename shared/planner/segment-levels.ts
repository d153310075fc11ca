import { median } from '../runtime/statistics.ts';

/**
 * How much slower than its table each segment of a device is, apart from how slow the device is as a whole: tables are
 * medians of other runs, at another time, and each is off in its own way.
 *
 * What a segment shows when a device takes it up is its own; what changes while it is run again and again is the device's.
 * INVARIANTS: one run, however long, moves nothing; a segment that is not known yet is as slow as those that are, the
 * longer ones counting more.
 */
export interface SegmentLevels {
  /**
   * @param log of measured / expected, less that of the device as a whole
   * @param expectedMs by the table
   * @param between run for the sake of its time between two frames: the segment of the frames is not left for it
   * @returns whether it is taken for the segment's own
   */
  observe(segment: string, log: number, expectedMs: number, between: boolean): boolean;
  /** @returns log of how many times slower than the device as a whole; the mean of the others where it is not known */
  levelOf(segment: string): number;
  /** @returns mean over the known ones, weighted by what they take */
  mean(): number;
  reset(): void;
}

interface Segment {
  /** What it showed when it was taken up, last. */
  recent: number[];
  runs: number;
  expectedMs: number;
  level: number;
}

/** Runs that count as taking it up. */
const takeUpRuns = 5;
const kept = 15;
/** Runs after which a segment is known. */
const knownRuns = 4;
/** As if the table had been right so far: the first runs of a session are slower than those that follow. */
const before = Array.from({ length: knownRuns - 1 }, () => 0);

export function createSegmentLevels(): SegmentLevels {
  const segments = new Map<string, Segment>();
  let mean = 0;
  let current = { segment: '', runs: 0 };

  function isTakenUp(segment: string): boolean {
    current = { segment, runs: current.segment === segment ? current.runs + 1 : 1 };
    return current.runs <= takeUpRuns;
  }

  function learn(segment: string, log: number, expectedMs: number): void {
    const known = segments.get(segment) ?? { recent: before, runs: 0, expectedMs, level: 0 };
    const recent = [...known.recent, log].slice(-kept);
    segments.set(segment, { recent, runs: known.runs + 1, expectedMs, level: median(recent) });
    mean = meanOf([...segments.values()].filter(isKnown));
  }

  return {
    observe(segment, log, expectedMs, between) {
      const isOwn = between || isTakenUp(segment);
      if (isOwn) learn(segment, log, expectedMs);
      return isOwn;
    },
    levelOf(segment) {
      const found = segments.get(segment);
      return found !== undefined && isKnown(found) ? found.level : mean;
    },
    mean: () => mean,
    reset() {
      segments.clear();
      mean = 0;
      current = { segment: '', runs: 0 };
    },
  };
}

function isKnown({ runs }: Segment): boolean {
  return runs >= knownRuns;
}

function meanOf(segments: readonly Segment[]): number {
  let [sum, weight] = [0, 0];
  for (const { level, expectedMs } of segments) {
    sum += level * expectedMs;
    weight += expectedMs;
  }
  return weight > 0 ? sum / weight : 0;
}
