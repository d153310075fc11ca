import { cpus } from 'node:os';
import { env } from 'onnxruntime-node';
import type { Branch } from '../model/branches.ts';
import { branchesOf } from '../model/branches.ts';
import { elementsOf } from '../model/flops.ts';
import type { ModelGraph } from '../model/graph.ts';
import type { TensorShapes } from '../model/shapes.ts';
import { madeRuns, type Profile, type SegmentTiming } from '../protocol/profile.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { seededRandom } from '../runtime/random.ts';
import { median, percentile } from '../runtime/statistics.ts';
import { type MeasuredRuns, type MeasuringThread, measureRounds } from './measure-rounds.ts';
import type { DraftContent, DraftIdentity, ProfileDrafts } from './profile-drafts.ts';
import { callKey, keyOf, layerSegment, profileSegments, type Segment } from './profile-segments.ts';

export interface ProfileModelOptions {
  /** Lent: what is loaded here is unloaded again. The more sessions it holds, up to 12, the more are interleaved. */
  thread: MeasuringThread;
  graph: ModelGraph;
  shapes: TensorShapes;
  /** Of the model file. */
  digest: string;
  tier: Profile['tier'];
  hardwareClass: string;
  /** How many inference threads this machine serves with. */
  threads: number;
  /** Runs of each segment, as long as they fit into the budget. */
  runs?: number;
  /** Pause before each run, ms: what service will have, for a processor that dozes off is slower. */
  gapMs?: number;
  /** Time for all of it, ms: cheap segments get all their runs first; four runs are made in any case. */
  budgetMs?: number;
  /** Keeps what was measured: an interrupted profile of the same kind is continued. */
  drafts?: ProfileDrafts;
  /** Told how many runs of an interrupted profile it goes on from, if from any. */
  onContinued?: (runs: number) => void;
  /** Runs that were made, and those that are planned by now. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
  clock?: Clock;
}

/** Threads for profiling hold this many sessions. */
export const profilingSessions = 12;
/** A machine five times slower than a current server core profiles the models of this project in a minute with it. */
const defaultBudgetMs = 50_000;
const defaultRuns = 20;
const defaultGapMs = 2;
const empty: SegmentTiming = { medianMs: 0, p90Ms: 0 };

/**
 * Measures a model on this machine: every layer alone, and the head and the tail of every partition as one piece, as
 * the runtime optimises it in service; what a call costs by a model of one node that only hands on one number. What
 * exits share is measured once.
 * @throws {FleetError} `inference-cancelled` when `signal` fires; what the thread throws
 * @see Li et al., "Edge AI", IEEE TWC 2020, section IV: offline profiling of layers on both tiers
 */
export async function profileModel(options: ProfileModelOptions): Promise<Profile> {
  const { graph, shapes, runs = defaultRuns, gapMs = defaultGapMs, clock = systemClock } = options;
  const branches = branchesOf(graph);
  const identity: DraftIdentity = {
    modelDigest: options.digest,
    tier: options.tier,
    hardwareClass: options.hardwareClass,
    threads: options.threads,
    runtime: `onnxruntime-node ${env.versions.node ?? ''}`.trim(),
    gapMs,
    runs,
  };
  const measured = await measureAll(options, branches, identity);
  const timingOf = (segment: Segment) => toTiming(measured.get(keyOf(segment)), runs);
  const exits = branches.map((branch) => toExit(branch, timingOf, shapes));
  return {
    schema: 1,
    ...identity,
    madeRuns: madeRuns({ exits, runs }),
    measuredAt: clock.wallTime().toISOString(),
    perCallOverheadMs: median(measured.get(callKey)?.timesMs ?? []),
    modelLoadMs: Math.max(0, ...branches.map((branch) => median(measured.get(keyOf(wholeOf(branch)))?.loadMs ?? []))),
    exits,
  };
}

async function measureAll(
  options: ProfileModelOptions,
  branches: readonly Branch[],
  identity: DraftIdentity,
): Promise<Map<string, MeasuredRuns>> {
  const { thread, graph, shapes, budgetMs = defaultBudgetMs, drafts, signal, clock = systemClock } = options;
  const { runs, gapMs } = identity;
  const random = seededRandom(Number.parseInt(options.digest.slice(-8), 16));
  const segments = profileSegments(graph, branches, shapes, random);
  const draft = await drafts?.read(identity);
  const measured = measuredOf(draft, segments.keys());
  const kept = [...measured.values()].reduce((sum, { timesMs }) => sum + timesMs.length, 0);
  if (kept > 0) options.onContinued?.(kept);
  return measureRounds({
    ...{ thread, segments, runs, gapMs, budgetMs, measured, clock, random, signal },
    spentMs: draft?.spentMs ?? 0,
    onProgress: options.onProgress ?? (() => undefined),
    onBlock: async (spentMs) => drafts?.write(identity, { spentMs, measured: Object.fromEntries(measured) }),
  });
}

function measuredOf(draft: DraftContent | undefined, keys: Iterable<string>): Map<string, MeasuredRuns> {
  const kept = Array.from(keys, (key) => [key, draft?.measured[key]] as const);
  return new Map(kept.flatMap(([key, runs]) => (runs === undefined ? [] : [[key, runs] as const])));
}

function toExit(
  branch: Branch,
  timingOf: (segment: Segment) => SegmentTiming | undefined,
  shapes: TensorShapes,
): Profile['exits'][number] {
  const { exit, layers, cuts } = branch;
  const { inputs: input, outputs: output } = wholeOf(branch);
  const heads = cuts.map((cut, p) => (p === 0 ? empty : timingOf({ inputs: input, outputs: cut })));
  const tails = cuts.map((cut, p) => (p === layers.length ? empty : timingOf({ inputs: cut, outputs: output })));
  return {
    name: exit,
    cuts: cuts.map((cut) => cut.map((name) => shapeOf(name, shapes))),
    layers: layers.map((layer) => ({
      name: layer.name,
      type: layer.type,
      outputBytes: layer.outputs.reduce((sum, name) => sum + elementsOf(name, shapes) * 4, 0),
      timing: timingOf(layerSegment(layer)) ?? empty,
    })),
    // Where a cut holds other than floats, the next longer segment is the bound.
    head: heads.map((head, p) => head ?? heads.slice(p).find(isMeasured) ?? empty),
    tail: tails.map((tail, p) => tail ?? tails.slice(0, p).findLast(isMeasured) ?? empty),
  };
}

function wholeOf({ cuts }: Branch): Segment {
  return { inputs: cuts[0] ?? [], outputs: cuts.at(-1) ?? [] };
}

function isMeasured(timing: SegmentTiming | undefined): timing is SegmentTiming {
  return timing !== undefined;
}

function toTiming(measured: MeasuredRuns | undefined, runs: number): SegmentTiming | undefined {
  if (measured === undefined) return undefined;
  const { timesMs } = measured;
  const timing = { medianMs: median(timesMs), p90Ms: percentile(timesMs, 0.9) };
  return timesMs.length === runs ? timing : { ...timing, runs: timesMs.length };
}

function shapeOf(name: string, shapes: TensorShapes): { elements: number; rank: number } {
  return { elements: elementsOf(name, shapes), rank: shapes.get(name)?.dims.length ?? 0 };
}

/**
 * @param processors what the operating system says of the processors
 * @param architecture as Node names it
 * @returns the same name on all machines of one kind, out of a-z, 0-9 and hyphens: `x64-amd-epyc-7b13-2c`
 */
export function hardwareClass(
  processors: readonly { model: string }[] = cpus(),
  architecture: string = process.arch,
): string {
  const model = (processors[0]?.model ?? '')
    .toLowerCase()
    .replace(/\((r|tm|c)\)/g, ' ')
    .replace(/@.*$/, ' ')
    .replace(/\b(cpu|processor|unknown|\d+-core)\b/g, ' ')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48);
  return [architecture.toLowerCase(), model, `${Math.max(1, processors.length)}c`]
    .filter((part) => part !== '')
    .join('-');
}
