import { type Static, Type } from 'typebox';
import type { Policy } from '../../shared/protocol/messages.ts';
import { createParser } from '../../shared/runtime/schema.ts';

/** One measured figure. */
const BenchFigureSchema = Type.Object({
  area: Type.String(),
  /** The same from run to run: figures are compared by it. */
  name: Type.String(),
  /** What differs from run to run. */
  note: Type.Optional(Type.String()),
  value: Type.Number(),
  unit: Type.String(),
  /** What it must not exceed or, where more is better, fall below; null where it is only reported. */
  bar: Type.Union([Type.Null(), Type.Number()]),
  /** Absent: less. */
  better: Type.Optional(Type.Union([Type.Literal('less'), Type.Literal('more')])),
  /** True where there is no bar. */
  holds: Type.Boolean(),
  /** Least and greatest of the rounds. */
  spread: Type.Tuple([Type.Number(), Type.Number()]),
});
export type BenchFigure = Readonly<Static<typeof BenchFigureSchema>>;

/** What `edgent bench --json` prints. */
export const benchFiguresParser = createParser(Type.Array(BenchFigureSchema), 'file-invalid', 'figures');

type About = Pick<BenchFigure, 'area' | 'name' | 'note' | 'unit' | 'bar' | 'better'>;

/** @param rounds one value a round @returns the figure whose value is the median round */
export function figureOf(about: About, rounds: readonly number[]): BenchFigure {
  const sorted = [...rounds].sort((a, b) => a - b);
  return figureWith(about, sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN, rounds);
}

/** @returns a figure whose value was found otherwise than as the median of its rounds */
export function figureWith(about: About, value: number, rounds: readonly number[]): BenchFigure {
  const { bar, better = 'less' } = about;
  const holds = bar === null || (better === 'less' ? value <= bar : value >= bar);
  return { ...about, value, holds, spread: [Math.min(...rounds), Math.max(...rounds)] };
}

/** A platform that a benchmark runs against: real processes, ended by `stop`. */
export interface BenchPlatform {
  httpUrl: string;
  brokerUrl: string;
  enrolmentToken: string;
  /** Makes a new version of the policy. */
  changePolicy(change: Partial<Omit<Policy, 'name' | 'version'>>): Promise<void>;
  /** Resolves when a device runs its newest configuration, with measured profiles of both sides. */
  untilConfigured(device: string): Promise<void>;
  /** Resolves when a worker serves its newest configuration and measures nothing. */
  untilServing(worker: string): Promise<void>;
  /** @returns the process id of `broker`, `control-plane` or `worker-1` */
  pid(name: string): number | undefined;
  stop(): Promise<void>;
}

/** Where a platform runs, if not on this machine's loopback. */
export interface PlatformPlace {
  /** What it listens on. */
  host: string;
  /** Put before the commands of its processes. */
  launcher: readonly string[];
}

/** What every area is given. */
export interface BenchContext {
  /** Broker, control plane and one worker on free ports. @param stateFolder empty, removed by the caller */
  startPlatform: (stateFolder: string, place?: PlatformPlace) => Promise<BenchPlatform>;
  /** Tells people how far it is. */
  progress: (text: string) => void;
  /** Keeps a picture or data beside the figures, where the caller wants them. */
  keep: (file: string, content: string) => Promise<void>;
  /** How long one area that can be thinned out may measure, ms. */
  budgetMs: number;
}

/** A part of the benchmark that can be run by itself. */
export interface BenchArea {
  name: string;
  /** What it measures, in one line. */
  description: string;
  run: (context: BenchContext) => Promise<BenchFigure[]>;
}
