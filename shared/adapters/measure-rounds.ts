import type { Tensors } from '../model/tensor.ts';
import type { Clock } from '../runtime/clock.ts';
import { FleetError } from '../runtime/errors.ts';
import { shuffled } from '../runtime/random.ts';
import { median } from '../runtime/statistics.ts';
import { allotRuns, type RunCost, totalMs } from './allot-runs.ts';
import type { InferenceThread } from './inference-thread.ts';

/** The thread that a profile is measured in: what is loaded there is unloaded again. */
export type MeasuringThread = Pick<InferenceThread, 'load' | 'measure' | 'unload' | 'maxSessions'>;

/** A piece of a model that can be measured by itself. */
export interface MeasurableSegment {
  /** @returns an ONNX file */
  toModel(): Uint8Array;
  /** @returns one value for each input */
  toInputs(): Tensors;
}

/** What was measured of one segment so far, ms. */
export interface MeasuredRuns {
  readonly timesMs: number[];
  /** Of each session that was made of it. */
  readonly loadMs: number[];
}

export interface MeasureRoundsOptions {
  thread: MeasuringThread;
  segments: ReadonlyMap<string, MeasurableSegment>;
  /** Runs that each segment is to have. */
  runs: number;
  gapMs: number;
  /** Time for all of it, ms; each segment gets `minimumRuns` in any case. */
  budgetMs: number;
  /** By key: what an earlier, interrupted measuring has come to. It grows. */
  measured: Map<string, MeasuredRuns>;
  /** What that took of the budget, ms. */
  spentMs: number;
  /** After each visit of a segment: runs that were made, and those that are planned by now. */
  onProgress(done: number, total: number): void;
  /** After each block: `measured` may be kept. */
  onBlock(spentMs: number): Promise<void>;
  clock: Clock;
  random: () => number;
  signal: AbortSignal | undefined;
}

/** Runs that each segment gets, whatever it costs. */
export const minimumRuns = 4;
/** Runs on one visit of a segment, after one that does not count: the visit before was another segment's. */
const runsPerVisit = 4;
/** Passes over all segments after the first, which finds out what they cost: the more, the less a slow while counts. */
const mostFurtherPasses = 3;
const leastFurtherPasses = 2;
/** The most is made where it takes no more of the time left: the first pass may have met the machine at its fastest. */
const ampleShare = 0.7;
/** Sessions that are loaded at once: more would take memory that small devices lack. */
const blockSegments = 12;
const blockBytes = 96 * 2 ** 20;

/**
 * Measures segments in rounds. A machine is slower for some seconds now and then: runs of one segment that follow each
 * other would all be slow. So each segment is visited several times, for few runs each: in three or four passes over all of
 * them in shuffled order, within a pass in blocks whose sessions stay loaded, within a block in shuffled rounds.
 * @returns `options.measured`
 * @throws {FleetError} `inference-cancelled` when `signal` fires; what the thread throws
 */
export async function measureRounds(options: MeasureRoundsOptions): Promise<Map<string, MeasuredRuns>> {
  const { segments, measured, runs, budgetMs, spentMs, clock } = options;
  const startMs = clock.nowMs();
  const elapsedMs = () => spentMs + clock.nowMs() - startMs;
  const countOf = (key: string) => measured.get(key)?.timesMs.length ?? 0;
  const least = Math.min(runs, minimumRuns);
  const done = () => sum(segments.keys(), countOf);
  let planned = segments.size * runs;

  /** @param quota runs by key */
  async function pass(quota: ReadonlyMap<string, number>): Promise<void> {
    const waiting = shuffled([...quota.keys()], options.random);
    while (waiting.length > 0) {
      const block = await loadBlock(options, waiting);
      try {
        await measureBlock(block, quota);
      } finally {
        for (const { name } of block) await options.thread.unload(name);
      }
      await options.onBlock(elapsedMs());
    }
  }

  async function measureBlock(block: readonly LoadedSegment[], quota: ReadonlyMap<string, number>): Promise<void> {
    const left = new Map(block.map(({ key }) => [key, quota.get(key) ?? 0]));
    for (let round = block; round.length > 0; round = round.filter(({ key }) => (left.get(key) ?? 0) > 0)) {
      for (const segment of shuffled(round, options.random)) {
        const count = Math.min(left.get(segment.key) ?? 0, runsPerVisit);
        const isAffordable = countOf(segment.key) < least || elapsedMs() < budgetMs;
        left.set(segment.key, isAffordable ? (left.get(segment.key) ?? 0) - count : 0);
        if (isAffordable) segment.measured.timesMs.push(...(await visit(options, segment, count)));
        options.onProgress(done(), Math.max(done(), planned));
      }
    }
  }

  await pass(missing(segments.keys(), (key) => least - countOf(key)));
  const costsOf = (passesLeft: number) => {
    const wanted = missing(segments.keys(), (key) => runs - countOf(key));
    return [...wanted].map(([key, count]) => costOf(options, key, { wanted: count, passesLeft }));
  };
  const isAmple = sum(costsOf(mostFurtherPasses), totalMs) <= ampleShare * (budgetMs - elapsedMs());
  for (let passesLeft = isAmple ? mostFurtherPasses : leastFurtherPasses; passesLeft > 0; passesLeft -= 1) {
    const costs = costsOf(passesLeft);
    const allotted = allotRuns(costs, budgetMs - elapsedMs());
    planned = done() + sum(allotted.values(), (count) => count);
    await pass(new Map([...allotted].map(([key, count]) => [key, Math.ceil(count / passesLeft)])));
  }
  options.onProgress(done(), done());
  return measured;
}

interface LoadedSegment {
  readonly key: string;
  /** In the thread. */
  readonly name: string;
  readonly inputs: Tensors;
  readonly measured: MeasuredRuns;
}

/** Loads segments from the front of a list, which gets shorter, until sessions or their models are enough. */
async function loadBlock(options: MeasureRoundsOptions, waiting: string[]): Promise<LoadedSegment[]> {
  const { thread, segments, measured } = options;
  const block: LoadedSegment[] = [];
  const most = Math.min(blockSegments, thread.maxSessions);
  for (let bytes = 0; block.length < most && bytes < blockBytes; ) {
    const key = waiting.shift();
    const segment = key === undefined ? undefined : segments.get(key);
    if (key === undefined || segment === undefined) break;
    requireGoingOn(options.signal);
    const name = `profile ${key}`;
    const model = segment.toModel();
    const { loadMs } = await thread.load(name, model);
    const runs = measured.get(key) ?? { timesMs: [], loadMs: [] };
    runs.loadMs.push(loadMs);
    measured.set(key, runs);
    bytes += model.byteLength;
    block.push({ key, name, inputs: segment.toInputs(), measured: runs });
  }
  return block;
}

async function visit(options: MeasureRoundsOptions, segment: LoadedSegment, runs: number): Promise<readonly number[]> {
  requireGoingOn(options.signal);
  const { thread, gapMs } = options;
  const inputs = Object.fromEntries(
    Object.entries(segment.inputs).map(([name, { data, dims }]) => [name, { data: data.slice(), dims }]),
  );
  return (await thread.measure(segment.name, inputs, { warmUp: 1, runs, gapMs })).timesMs;
}

function costOf(
  { measured, gapMs }: MeasureRoundsOptions,
  key: string,
  { wanted, passesLeft }: { wanted: number; passesLeft: number },
): RunCost {
  const { timesMs, loadMs } = measured.get(key) ?? { timesMs: [], loadMs: [] };
  const runMs = median(timesMs) + gapMs;
  return { key, wanted, runMs, fixedMs: passesLeft * (median(loadMs) + runMs) };
}

/** @returns the keys of which some are missing, each with how many */
function missing(keys: Iterable<string>, countOf: (key: string) => number): Map<string, number> {
  return new Map([...keys].map((key) => [key, countOf(key)] as const).filter(([, count]) => count > 0));
}

function sum<T>(items: Iterable<T>, numberOf: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += numberOf(item);
  return total;
}

function requireGoingOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new FleetError('inference-cancelled', 'profiling was stopped');
}
