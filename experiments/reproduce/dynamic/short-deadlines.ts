import type { ShortDeadline } from './data.ts';
import { exit1P99, periodOf, type Tried, tryDeadlines } from './deadline-search.ts';
import { dynamic } from './methods/dynamic.ts';
import { plainMethods } from './methods/methods.ts';
import { oracle } from './methods/oracle.ts';
import { replanned } from './methods/replanned.ts';
import { stageOf } from './place.ts';
import { replayMethods } from './replay-sets.ts';

/**
 * Deadlines that no local exit meets, in units of exit 1's local p99. Down to a fiftieth: where a device takes a second for
 * exit 1, the worker answers in some ten milliseconds.
 */
const shortTimes = [0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9] as const;
/** Where one way that needs no planning comes that near to the oracle on some traces, it is left out for all. */
const nearShare = 0.95;
const methods = [dynamic, replanned, oracle, ...plainMethods];

/** Runs what bears on it over all traces, objective accuracy, at each short deadline where there is something to plan. */
export function replayShortDeadlines(tried: Tried, progress: (text: string) => void): ShortDeadline[] {
  progress('which shorter deadlines');
  return tryDeadlines(tried, shortTimes)
    .filter(({ alwaysExit1, alwaysLocal, alwaysEdge }) => Math.max(alwaysExit1, alwaysLocal, alwaysEdge) < nearShare)
    .map(({ deadlineMs, timesExit1 }) => {
      progress(`${tried.sets.map(({ name }) => name).join(' and ')}, deadline ${deadlineMs} ms`);
      const periodMs = periodOf(deadlineMs, exit1P99(tried));
      const stage = stageOf(tried.costs, { ...tried, objective: 'accuracy', deadlineMs });
      const sets = tried.sets.map((set) => ({
        name: set.name,
        methods: replayMethods(set, stage, { periodMs, methods }),
      }));
      return { deadlineMs, timesExit1, periodMs, sets };
    });
}
