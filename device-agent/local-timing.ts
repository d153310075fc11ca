import type { Clock } from '../shared/runtime/clock.ts';
import { percentile } from '../shared/runtime/statistics.ts';
import type { RescueBranch } from './rescue-exit.ts';

/**
 * How long whole branches, and what is left of them behind a cut, really take on this device now: what a fallback must
 * leave time for.
 */
export interface LocalTiming {
  observe(end: TimedEnd, computeMs: number): void;
  /**
   * The fastest exit is timed most: other segments may take as many times longer than their profile says.
   * @param fastestMs what the fastest exit takes by its profile
   * @returns how many times longer it takes at its slowest: the 99th percentile of its recent runs; 1 at least
   */
  slowdown(fastestMs: number): number;
  /**
   * @param predictedMs of the fastest exit, by the profile
   * @returns time to leave for it: what it takes at its slowest, with room for what was not seen yet, ms
   */
  rescueMs(predictedMs: number): number;
  /** @returns the times of any end: by its own runs where enough of them are recent, else by those of the fastest too */
  timesOf(end: TimedEnd & PredictedTimes): Pick<RescueBranch, 'slowMs' | 'reserveMs'>;
  /**
   * Runs an exit for the sake of its time alone, where neither a frame has run any nor anything this one for long; never
   * two at once. Whoever runs a whole branch needs no rescue meanwhile, and a frame that comes would have to wait.
   * @param exits of which the first that is due is run
   * @throws what `run` throws
   */
  rehearse(exits: readonly number[], run: (exit: number) => Promise<{ computeMs: number }>): Promise<void>;
  /** The fastest exit's recent runs: how many, and their 99th percentile, ms. */
  fastest(): { runs: number; p99Ms: number };
}

/** What a frame may end on. */
export interface TimedEnd {
  exit: number;
  /** The layers of the branch that have been run already; absent: none, it is run whole. */
  continuedFrom?: number;
}

/** By the profile, beside the fastest whole branch, ms. */
interface PredictedTimes {
  predictedMs: number;
  fastestMs: number;
}

const fastestExit = 1;
const kept = 1000;
/** The slowest of fewer runs is no 99th percentile … */
const fewRuns = 100;
/**
 * … and when a worker dies, all of its devices fall back at once: threads and timers are later then than in a rehearsal.
 * A deadline of 1.5 times the 99th percentile still has to leave room for a reply.
 */
const room = { share: 0.25, mostMs: 10, slowestShare: 0.4 };
/** Runs of its own by which a deeper exit is known, the last of them not so many rehearsals ago. */
const known = { runs: 10, rehearsals: 10 };
/** Sorting on every frame would cost more than it tells. */
const refreshEvery = 10;
/** How old what is known of an exit may become, and how long ago the last frame may have run one, ms. */
const rehearsalMs = 1000;
/** What rehearsals of one exit may take of the processor: a frame that comes meanwhile has to wait. */
const rehearsalShare = 0.02;

export function createLocalTiming(clock: Clock): LocalTiming {
  const histories = new Map<string, RunHistory>();
  const fastest = historyOf({ exit: fastestExit });
  let isRehearsing = false;
  /** When a frame ran a whole branch last. */
  let lastFrameMs = Number.NEGATIVE_INFINITY;

  function historyOf({ exit, continuedFrom = 0 }: TimedEnd): RunHistory {
    const key = `${exit}/${continuedFrom}`;
    const history = histories.get(key) ?? createRunHistory(clock.nowMs());
    histories.set(key, history);
    return history;
  }

  const slowdown = (fastestMs: number): number =>
    fastestMs > 0 ? Math.max(fastestMs, fastest.times().p99Ms) / fastestMs : 1;
  const ageMs = (history: RunHistory): number => clock.nowMs() - history.lastMs();
  const isDue = (exit: number): boolean => {
    const history = historyOf({ exit });
    return Math.min(ageMs(history), clock.nowMs() - lastFrameMs) > rehearsalGapMs(history.times().p99Ms);
  };

  function rescueMs(predictedMs: number): number {
    const { runs, p99Ms, slowestMs } = fastest.times();
    return reservedMs({ runs, p99Ms: Math.max(predictedMs, p99Ms), slowestMs });
  }

  function timesOfOther({ predictedMs, fastestMs, ...end }: TimedEnd & PredictedTimes): EndTimes {
    const history = historyOf(end);
    const { runs, p99Ms, slowestMs } = history.times();
    const isRecent = ageMs(history) <= known.rehearsals * rehearsalGapMs(p99Ms);
    if (runs >= known.runs && isRecent) {
      const slowMs = Math.max(predictedMs, p99Ms);
      return { slowMs, reserveMs: reservedMs({ runs, p99Ms: slowMs, slowestMs }) };
    }
    const asMuchSlower = (ms: number): number => predictedMs + excessMs(ms, { predictedMs, fastestMs });
    // What only fallbacks run is renewed by nothing else: one run of it that was held up must not count for ever.
    const own = isRecent || end.continuedFrom === undefined ? { p99Ms, slowestMs } : { p99Ms: 0, slowestMs: 0 };
    const slowMs = Math.max(asMuchSlower(fastest.times().p99Ms), own.p99Ms);
    const scaledMs = asMuchSlower(fastest.times().slowestMs);
    return { slowMs, reserveMs: reservedMs({ runs: 0, p99Ms: slowMs, slowestMs: Math.max(own.slowestMs, scaledMs) }) };
  }

  return {
    observe(end, computeMs) {
      const nowMs = clock.nowMs();
      historyOf(end).add(computeMs, nowMs);
      // What is left of a branch tells nothing of a whole one: these are rehearsed all the same.
      if (end.continuedFrom === undefined) lastFrameMs = nowMs;
    },
    async rehearse(exits, run) {
      // On a slow processor one takes longer than many frames that a worker runs: they must not queue up.
      const exit = isRehearsing ? undefined : exits.find(isDue);
      if (exit === undefined) return;
      isRehearsing = true;
      try {
        historyOf({ exit }).add((await run(exit)).computeMs, clock.nowMs());
      } finally {
        isRehearsing = false;
        historyOf({ exit }).touch(clock.nowMs());
      }
    },
    slowdown,
    rescueMs,
    timesOf(end) {
      if (end.exit !== fastestExit || end.continuedFrom !== undefined) return timesOfOther(end);
      return { slowMs: Math.max(end.predictedMs, fastest.times().p99Ms), reserveMs: rescueMs(end.predictedMs) };
    },
    fastest() {
      const { runs, p99Ms } = fastest.times();
      return { runs, p99Ms };
    },
  };
}

type EndTimes = Pick<RescueBranch, 'slowMs' | 'reserveMs'>;

/**
 * What the fastest exit once took longer than predicted, something else takes longer by as large a share; what is
 * shorter by as much time, for a thread that is woken late is as late for little work.
 */
function excessMs(fastestTookMs: number, { predictedMs, fastestMs }: PredictedTimes): number {
  if (fastestMs <= 0) return 0;
  return Math.max(0, fastestTookMs - fastestMs) * Math.max(1, predictedMs / fastestMs);
}

/** Recent runs of one branch, whole or of what is left of it behind one cut. */
interface RunHistory {
  add(computeMs: number, nowMs: number): void;
  /** It was tried at least. */
  touch(nowMs: number): void;
  /** When it was run last; before the first run, since when it could have been. */
  lastMs(): number;
  times(): RunTimes;
}

/** How often it was run, and what its recent runs took, ms. */
interface RunTimes {
  runs: number;
  p99Ms: number;
  slowestMs: number;
}

function createRunHistory(sinceMs: number): RunHistory {
  const recent: number[] = [];
  const times: RunTimes = { runs: 0, p99Ms: 0, slowestMs: 0 };
  let lastMs = sinceMs;
  return {
    add(computeMs, nowMs) {
      lastMs = nowMs;
      recent.push(computeMs);
      if (recent.length > kept) recent.shift();
      if (times.runs < refreshEvery || times.runs % refreshEvery === 0) {
        times.p99Ms = percentile(recent, 0.99);
        times.slowestMs = Math.max(...recent);
      }
      times.runs += 1;
    },
    touch(nowMs) {
      lastMs = nowMs;
    },
    lastMs: () => lastMs,
    times: () => times,
  };
}

/** @returns how long what is known of an exit counts before it is rehearsed, ms */
export function rehearsalGapMs(p99Ms: number): number {
  return Math.max(rehearsalMs, p99Ms / rehearsalShare);
}

/** @returns time to leave for an exit, ms, by its recent runs */
export function reservedMs({ runs, p99Ms, slowestMs }: RunTimes): number {
  const seenMs = Math.max(p99Ms, Math.min(slowestMs, (1 + room.slowestShare) * p99Ms));
  return runs < fewRuns ? seenMs + Math.min(room.share * p99Ms, room.mostMs) : seenMs;
}
