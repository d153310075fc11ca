import { cpus } from 'node:os';
import { env } from 'onnxruntime-node';
import type { Branch, Layer } from '../model/branches.ts';
import { branchesOf } from '../model/branches.ts';
import type { ModelGraph } from '../model/graph.ts';
import type { TensorShapes } from '../model/shapes.ts';
import { extractTensors } from '../model/split.ts';
import type { Tensor } from '../model/tensor.ts';
import type { Profile, SegmentTiming } from '../protocol/profile.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { FleetError } from '../runtime/errors.ts';
import type { InferenceThread } from './inference-thread.ts';

export interface ProfileModelOptions {
  /** Lent: what is loaded here is unloaded again, one segment at a time. */
  thread: Pick<InferenceThread, 'load' | 'measure' | 'unload'>;
  graph: ModelGraph;
  shapes: TensorShapes;
  /** Of the model file. */
  digest: string;
  tier: Profile['tier'];
  hardwareClass: string;
  /** How many inference threads this machine serves with. */
  threads: number;
  /** Runs of each segment, as long as they fit into the box. */
  runs?: number;
  /** Pause before each run, ms: what service will have, for a processor that dozes off is slower. */
  gapMs?: number;
  /** Time after which a segment gets no further run, ms; a fifth of the runs is made in any case. */
  boxMs?: number;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
  clock?: Clock;
}

/** The part of the model between two sets of tensors. */
interface Segment {
  inputs: readonly string[];
  outputs: readonly string[];
}

interface MeasuredSegment extends SegmentTiming {
  loadMs: number;
}

const defaultRuns = 20;
const defaultGapMs = 2;
const empty: MeasuredSegment = { medianMs: 0, p90Ms: 0, loadMs: 0 };

/**
 * Measures a model on this machine: every layer alone, and the head and the tail of every partition as one piece, as
 * the runtime optimises it in service. What exits share is measured once.
 * @throws {FleetError} `inference-cancelled` when `signal` fires; what the thread throws
 */
export async function profileModel(options: ProfileModelOptions): Promise<Profile> {
  const { graph, shapes, runs = defaultRuns, gapMs = defaultGapMs, clock = systemClock } = options;
  const branches = branchesOf(graph);
  const measured = await measureAll(options, distinctSegments(branches, shapes));
  const timingOf = (segment: Segment) => measured.get(keyOf(segment));
  const layerTimes = branches.flatMap(({ layers }) => layers.flatMap((layer) => timingOf(ofLayer(layer)) ?? []));
  return {
    schema: 1,
    modelDigest: options.digest,
    tier: options.tier,
    hardwareClass: options.hardwareClass,
    threads: options.threads,
    runtime: `onnxruntime-node ${env.versions.node ?? ''}`.trim(),
    measuredAt: clock.wallTime().toISOString(),
    gapMs,
    runs,
    // The cheapest layer computes next to nothing: what is left is the call.
    perCallOverheadMs: Math.min(...layerTimes.map(({ medianMs }) => medianMs)),
    modelLoadMs: Math.max(...[...measured.values()].map(({ loadMs }) => loadMs)),
    exits: branches.map((branch) => toExit(branch, timingOf, shapes)),
  };
}

function distinctSegments(branches: readonly Branch[], shapes: TensorShapes): Map<string, Segment> {
  const all = branches.flatMap(({ layers, cuts }) => {
    const input = cuts[0] ?? [];
    const output = cuts.at(-1) ?? [];
    return [
      ...layers.map(ofLayer),
      ...cuts.slice(1).map((cut) => ({ inputs: input, outputs: cut })),
      ...cuts.slice(0, -1).map((cut) => ({ inputs: cut, outputs: output })),
    ];
  });
  return new Map(all.filter((segment) => isFloat(segment, shapes)).map((segment) => [keyOf(segment), segment]));
}

async function measureAll(
  options: ProfileModelOptions,
  segments: ReadonlyMap<string, Segment>,
): Promise<Map<string, MeasuredSegment>> {
  const measured = new Map<string, MeasuredSegment>();
  for (const [key, segment] of segments) {
    if (options.signal?.aborted === true) throw new FleetError('inference-cancelled', 'profiling was stopped');
    measured.set(key, await measureSegment(options, key, segment));
    options.onProgress?.(measured.size, segments.size);
  }
  return measured;
}

function toExit(
  { exit, layers, cuts }: Branch,
  timingOf: (segment: Segment) => MeasuredSegment | undefined,
  shapes: TensorShapes,
): Profile['exits'][number] {
  const input = cuts[0] ?? [];
  const output = cuts.at(-1) ?? [];
  const heads = cuts.map((cut, p) => (p === 0 ? empty : timingOf({ inputs: input, outputs: cut })));
  const tails = cuts.map((cut, p) => (p === layers.length ? empty : timingOf({ inputs: cut, outputs: output })));
  return {
    name: exit,
    layers: layers.map((layer) => ({
      name: layer.name,
      type: layer.type,
      outputBytes: layer.outputs.reduce((sum, name) => sum + elementsOf(name, shapes) * 4, 0),
      timing: toTiming(timingOf(ofLayer(layer)) ?? empty),
    })),
    // Where a cut holds other than floats, the next longer segment is the bound.
    head: heads.map((head, p) => toTiming(head ?? heads.slice(p).find(isMeasured) ?? empty)),
    tail: tails.map((tail, p) => toTiming(tail ?? tails.slice(0, p).findLast(isMeasured) ?? empty)),
  };
}

async function measureSegment(options: ProfileModelOptions, key: string, segment: Segment): Promise<MeasuredSegment> {
  const { thread, graph, shapes, runs = defaultRuns, gapMs = defaultGapMs, boxMs = 60, signal } = options;
  const job = signal === undefined ? {} : { signal };
  const inputs = () => Object.fromEntries(segment.inputs.map((name) => [name, randomTensor(name, shapes)]));
  const name = `profile ${key}`;
  const { loadMs } = await thread.load(name, extractTensors(graph, { ...segment, shapes }), job);
  try {
    const pilot = await thread.measure(name, inputs(), { warmUp: 1, runs: 2, gapMs }, job);
    const affordable = Math.floor(boxMs / (pilot.medianMs + gapMs));
    const fitting = Math.max(Math.ceil(runs / 5), Math.min(runs, affordable));
    const { medianMs, p90Ms } = await thread.measure(name, inputs(), { warmUp: 0, runs: fitting, gapMs }, job);
    return { medianMs, p90Ms, loadMs };
  } finally {
    await thread.unload(name);
  }
}

function ofLayer({ inputs, outputs }: Layer): Segment {
  return { inputs, outputs };
}

/** Two segments between the same tensors hold the same nodes, whichever exits they were cut for. */
function keyOf({ inputs, outputs }: Segment): string {
  return `${inputs.join(' ')} → ${outputs.join(' ')}`;
}

function isMeasured(timing: MeasuredSegment | undefined): timing is MeasuredSegment {
  return timing !== undefined;
}

function toTiming({ medianMs, p90Ms }: SegmentTiming): SegmentTiming {
  return { medianMs, p90Ms };
}

function isFloat({ inputs, outputs }: Segment, shapes: TensorShapes): boolean {
  return [...inputs, ...outputs].every((name) => shapes.get(name)?.dtype === 'float32');
}

function elementsOf(name: string, shapes: TensorShapes): number {
  return (shapes.get(name)?.dims ?? []).reduce((product, size) => product * size, 1);
}

/** @returns a tensor of the right shape, standard normal: zeros or denormal numbers would take other times */
function randomTensor(name: string, shapes: TensorShapes): Tensor {
  const data = new Float32Array(elementsOf(name, shapes));
  for (let i = 0; i < data.length; i += 1) {
    data[i] = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  }
  return { data, dims: shapes.get(name)?.dims ?? [] };
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
