import type { AccuracyCase } from '../served.ts';

/** One method's scores, of each deadline of the sweep; null where it was not run. */
export interface Scores {
  name: string;
  scores: readonly (Score | null)[];
}

/** Of the frames of one point. */
export interface Score {
  mean: number;
  /** Of `frames`. */
  late: number;
  frames: number;
}

/** Of every method of the sweep, and of the device in service. */
export function scoresOf({ sweep, served }: AccuracyCase): Scores[] {
  const chosen = sweep.methods.map(({ name }) => ({
    name,
    scores: sweep.points.map(({ deadlineMs, outcomes }) => {
      const outcome = outcomes.find(({ method }) => method === name);
      if (outcome?.selection == null) return saysNothingMeetsIt;
      const { accuracy } = outcome.selection;
      const latencies = outcome.measured?.latenciesMs;
      return latencies === undefined ? null : scoreOf(latencies.map((ms) => ({ accuracy, met: ms <= deadlineMs })));
    }),
  }));
  const names = [...new Set(served.map(({ name }) => name))];
  const inPractice = names.map((name) => ({
    name,
    scores: sweep.points.map(({ deadlineMs }) => {
      const run = served.find((each) => each.name === name && each.deadlineMs === deadlineMs);
      return run === undefined ? null : scoreOf(run.frames);
    }),
  }));
  return [...chosen, ...inPractice];
}

const saysNothingMeetsIt: Score = { mean: -1, late: 0, frames: 0 };

function scoreOf(frames: readonly { accuracy: number; met: boolean }[]): Score {
  const sum = frames.reduce((total, { accuracy, met }) => total + (met ? accuracy : -accuracy), 0);
  return { mean: sum / frames.length, late: frames.filter(({ met }) => !met).length, frames: frames.length };
}
