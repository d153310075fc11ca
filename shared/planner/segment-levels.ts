import { median } from '../runtime/statistics.ts';

/**
 * How much slower than its table each segment of a device is, apart from how slow the device is as a whole: tables are
 * medians of other runs, at another time, and each is off in its own way.
 *
 * The first runs of a segment tell what it is off by. After that what it takes when a device turns to it, beside what the
 * device took before, is one sample: the device may have become slower at just that time.
 * INVARIANTS: one run, however long, moves nothing; a segment that is not known yet is as slow as those that are, the
 * longer ones counting more; what is known of one moves none of the others.
 */
export interface SegmentLevels {
  observe(run: ObservedRun): Learnt;
  /** @returns log of how many times slower than the device as a whole; the mean of the others where it is not known */
  levelOf(segment: string): number;
  isKnown(segment: string): boolean;
  /** @returns mean over the known ones, weighted by what they take */
  mean(): number;
  reset(): void;
}

export interface ObservedRun {
  segment: string;
  /** Of measured / expected. */
  log: number;
  /** The same of the device as a whole, as it is believed to be. */
  deviceLog: number;
  /** By the table. */
  expectedMs: number;
  /** For the sake of its time between two frames: the segment of the frames is not left for it. */
  between: boolean;
}

/** What a run has shown. */
export interface Learnt {
  /** It tells of the device too: the segment was known. */
  isOfDevice: boolean;
  /** By how much the segment's level has changed that was taken for the device's while it was run. */
  movedLog: number;
}

interface Segment {
  expectedMs: number;
  /** Beside the device, ascending in time: of the first runs while it is not known, then of each time it was turned to. */
  samples: number[];
  level: number;
  isKnown: boolean;
}

/** Runs after which a segment is known, two of which may have been held up: a session's first are slow. … */
const knownRuns = 5;
/** … and for how many samples these count then. */
const knownWeight = 3;
const keptSamples = 5;
/** Runs from when it was turned to that make a sample. */
const stretchRuns = 5;

/** Frames that ran one segment, one after the other. */
interface Stretch {
  segment: string;
  /** How slow the device was taken to be before. */
  deviceLog: number;
  logs: number[];
}

export function createSegmentLevels(): SegmentLevels {
  const segments = new Map<string, Segment>();
  let mean = 0;
  let stretch: Stretch = { segment: '', deviceLog: 0, logs: [] };

  function learnFirst(segment: Segment, log: number): void {
    segment.samples.push(log);
    if (segment.samples.length < knownRuns) return;
    segment.level = median(segment.samples);
    segment.samples = Array.from({ length: knownWeight }, () => segment.level);
    segment.isKnown = true;
    mean = meanOf(segments.values());
  }

  /** @returns by how much its level has moved */
  function addSample(segment: Segment, log: number): number {
    const before = segment.level;
    segment.samples = [...segment.samples, log].slice(-keptSamples);
    segment.level = median(segment.samples);
    mean = meanOf(segments.values());
    return segment.level - before;
  }

  /** @returns by how much the level of a known segment has moved that is run on */
  function goOn({ segment, log, deviceLog }: ObservedRun, known: Segment): number {
    if (stretch.segment !== segment) {
      const left = segments.get(stretch.segment);
      const isShort = stretch.logs.length > 0 && stretch.logs.length < stretchRuns;
      if (left?.isKnown === true && isShort) addSample(left, median(stretch.logs));
      stretch = { segment, deviceLog, logs: [] };
    }
    if (stretch.logs.length >= stretchRuns) return 0;
    stretch.logs.push(log - stretch.deviceLog);
    return known.isKnown && stretch.logs.length === stretchRuns ? addSample(known, median(stretch.logs)) : 0;
  }

  return {
    observe(run) {
      const { segment: name, log, deviceLog, expectedMs, between } = run;
      const segment = segments.get(name) ?? { expectedMs, samples: [], level: 0, isKnown: false };
      segments.set(name, segment);
      const wasKnown = segment.isKnown;
      if (!wasKnown) learnFirst(segment, log - deviceLog);
      if (between) {
        if (wasKnown) addSample(segment, log - deviceLog);
        return { isOfDevice: wasKnown, movedLog: 0 };
      }
      return { isOfDevice: wasKnown, movedLog: goOn(run, segment) };
    },
    levelOf(name) {
      const found = segments.get(name);
      return found?.isKnown === true ? found.level : mean;
    },
    isKnown: (name) => segments.get(name)?.isKnown === true,
    mean: () => mean,
    reset() {
      segments.clear();
      mean = 0;
      stretch = { segment: '', deviceLog: 0, logs: [] };
    },
  };
}

function meanOf(segments: Iterable<Segment>): number {
  let [sum, weight] = [0, 0];
  for (const { level, expectedMs, isKnown } of segments) {
    if (!isKnown) continue;
    sum += level * expectedMs;
    weight += expectedMs;
  }
  return weight > 0 ? sum / weight : 0;
}
