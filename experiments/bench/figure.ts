/** One measured figure; `bar` is what it must not exceed, null where it is only reported. */
export interface BenchFigure {
  area: string;
  name: string;
  value: number;
  unit: string;
  bar: number | null;
  /** True where there is no bar. */
  holds: boolean;
  /** Least and greatest of the rounds. */
  spread: readonly [number, number];
}

/** @param rounds one value a round @returns the figure whose value is the median round */
export function figureOf(
  about: Pick<BenchFigure, 'area' | 'name' | 'unit' | 'bar'>,
  rounds: readonly number[],
): BenchFigure {
  const sorted = [...rounds].sort((a, b) => a - b);
  const value = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const holds = about.bar === null || value <= about.bar;
  return { ...about, value, holds, spread: [sorted[0] ?? Number.NaN, sorted.at(-1) ?? Number.NaN] };
}

/** A platform that a benchmark runs against: real processes, ended by `stop`. */
export interface BenchPlatform {
  httpUrl: string;
  enrolmentToken: string;
  stop(): Promise<void>;
}

/** What every area is given. */
export interface BenchContext {
  /** Broker, control plane and one worker on free ports. @param stateFolder empty, removed by the caller */
  startPlatform: (stateFolder: string) => Promise<BenchPlatform>;
  /** Tells people how far it is. */
  progress: (text: string) => void;
}

/** A part of the benchmark that can be run by itself. */
export interface BenchArea {
  name: string;
  /** What it measures, in one line. */
  description: string;
  run: (context: BenchContext) => Promise<BenchFigure[]>;
}
