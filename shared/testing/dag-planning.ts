import fc from 'fast-check';
import type { LayerGraph } from '../model/layer-set.ts';
import type { AllowedWays } from '../planner/dag-partition.ts';
import type { DagPlanningInput, TimedLayer } from '../planner/dag-plan.ts';
import { encodings } from '../protocol/tensor-encoding.ts';
import { directions } from '../protocol/tensor-frame.ts';

/** A layer in a test's words. */
export interface SmallLayer {
  reads: readonly string[];
  makes: string;
  deviceMs: number;
  workerMs: number;
}

/**
 * @param elements of each tensor; inputs are those that no layer makes, the exit is what the last layer makes
 * @returns an input of tensors of rank 2, on a link of 8 Mbit/s without delay where one call more costs nothing
 */
export function dagInput(layers: readonly SmallLayer[], elements: Readonly<Record<string, number>>): DagPlanningInput {
  const made = layers.map(({ makes }) => makes);
  const timed = layers.map(({ reads, makes, ...times }) => ({ inputs: reads, outputs: [makes], ...times }));
  const names = Object.keys(elements);
  return {
    graph: { inputs: names.filter((name) => !made.includes(name)), layers: timed, exit: made.at(-1) ?? '' },
    tensors: new Map(Object.entries(elements).map(([name, count]) => [name, { elements: count, rank: 2 }])),
    callMs: { device: 0, worker: 0 },
    processorFactor: 1,
    offload: { queueMs: 0, link: { uplinkMbps: 8, downlinkMbps: 8, rttMs: 0 } },
    encodeNs: { f32: 0, f16: 0, u8: 0 },
    decodeNs: { f32: 0, f16: 0, u8: 0 },
  };
}

export interface DagCase {
  /** One for each exit of a model. */
  inputs: readonly DagPlanningInput[];
  allowed: AllowedWays;
}

interface RawLayer {
  reads: readonly number[];
  outputs: number;
  deviceMs: number;
  workerMs: number;
}

const layerMs = fc.oneof(
  fc.constantFrom(0, 1),
  fc.integer({ min: 0, max: 6000 }).map((step) => step / 100),
);

const rawLayer: fc.Arbitrary<RawLayer> = fc.record({
  // How many tensors ago each was made: graphs are to be deep as well as wide.
  reads: fc.array(fc.oneof(fc.nat(2), fc.nat(30)), { minLength: 1, maxLength: 3 }),
  outputs: fc.constantFrom(1, 1, 1, 2),
  deviceMs: layerMs,
  workerMs: layerMs,
});

const tensorElements = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 20_000 }));
const elementNs = fc.record({ f32: fc.nat(20), f16: fc.nat(100), u8: fc.nat(100) });
/** In whole tenths: doubles would be drawn near 0 most of the time, where nothing is ever sent. */
const mbps = fc.integer({ min: 5, max: 1000 }).map((step) => step / 10);

/** Random models of up to ten layers, three inputs and two exits, with shared tensors and layers of two outputs. */
export const arbitraryDagCase: fc.Arbitrary<DagCase> = fc
  .record({
    modelInputs: fc.integer({ min: 1, max: 3 }),
    layers: fc.constantFrom(1, 2, 3, 5, 6, 7, 8, 9, 10).chain((count) => {
      return fc.array(rawLayer, { minLength: count, maxLength: count });
    }),
    secondExit: fc.nat(9),
    elements: fc.array(tensorElements, { minLength: 23, maxLength: 23 }),
    callMs: fc.record({ device: fc.constantFrom(0, 0, 0.5, 5), worker: fc.constantFrom(0, 0, 0.5, 5) }),
    processorFactor: fc.constantFrom(1, 1, 3),
    queueMs: fc.constantFrom(0, 0, 1, 30),
    link: fc.record({ uplinkMbps: mbps, downlinkMbps: mbps, rttMs: fc.constantFrom(0, 0, 2, 40) }),
    encodeNs: elementNs,
    decodeNs: elementNs,
    directions: fc.subarray([...directions], { minLength: 1 }),
    encodings: fc.subarray([...encodings], { minLength: 1, maxLength: 2 }),
  })
  .map(({ modelInputs, layers, secondExit, elements, queueMs, link, directions: ways, encodings: all, ...rest }) => {
    const whole = wholeGraph(modelInputs, layers);
    const names = [...whole.inputs, ...whole.layers.flatMap(({ outputs }) => outputs)];
    const tensors = new Map(names.map((name, i) => [name, { elements: elements[i] ?? 1, rank: 1 + (i % 4) }]));
    const early = branchUntil(whole, Math.min(secondExit, layers.length - 1));
    const inputs = [whole, early].map((graph) => ({ graph, tensors, offload: { queueMs, link }, ...rest }));
    return { inputs, allowed: { directions: ways, encodings: all } };
  });

/** The last layer reads besides its own inputs all that nobody else does: each layer leads to the exit. */
function wholeGraph(modelInputs: number, raw: readonly RawLayer[]): LayerGraph<TimedLayer> {
  const known = Array.from({ length: modelInputs }, (_, i) => `in${i}`);
  const unread = new Set<string>();
  const layers = raw.map(({ reads, outputs, ...times }, position): TimedLayer => {
    const isLast = position === raw.length - 1;
    const chosen = reads.map((back) => known[known.length - 1 - (back % known.length)] ?? 'in0');
    const read = [...new Set([...chosen, ...(isLast ? unread : [])])];
    for (const name of read) unread.delete(name);
    const made = Array.from({ length: outputs }, (_, i) => `t${position}.${i}`);
    known.push(...made);
    for (const name of made) unread.add(name);
    return { inputs: read, outputs: made, ...times };
  });
  return withReadInputs(layers, `t${raw.length - 1}.0`);
}

/** What one layer's first output needs and no other layer: the branch of an earlier exit. */
function branchUntil({ layers }: LayerGraph<TimedLayer>, position: number): LayerGraph<TimedLayer> {
  const exit = layers[position]?.outputs[0] ?? '';
  const needed = new Set([exit]);
  const kept = layers.toReversed().filter(({ inputs, outputs }) => {
    const isNeeded = outputs.some((name) => needed.has(name));
    if (isNeeded) for (const name of inputs) needed.add(name);
    return isNeeded;
  });
  return withReadInputs(kept.toReversed(), exit);
}

function withReadInputs(layers: readonly TimedLayer[], exit: string): LayerGraph<TimedLayer> {
  const read = new Set(layers.flatMap(({ inputs }) => inputs));
  return { inputs: ['in0', 'in1', 'in2'].filter((name) => read.has(name)), layers, exit };
}
