import fc from 'fast-check';
import type { CutTensor, DescribedBranch, DescribedLayer, ModelDescription } from '../model/describe-model.ts';
import type { ProfiledModel } from '../planner/latency-observations.ts';
import type { Profile } from '../protocol/profile.ts';
import { digest } from './typical-messages.ts';

/** A layer in a test's words; what is left out is 0 or empty. */
export type SmallLayer = Pick<DescribedLayer, 'type'> & Partial<DescribedLayer>;

/** How long a piece of a model takes, ms. */
export type TimeOf = (layers: readonly DescribedLayer[]) => number;

/** @returns a model whose exits are chains of layers that share nothing */
export function smallModel(...chains: readonly (readonly SmallLayer[])[]): ModelDescription {
  return { inputs: [tensor('input', 1)], branches: chains.map((layers, index) => toBranch(layers, index + 1)) };
}

/** @returns a profile in which every layer, head and tail takes what `timeOf` says, the empty ones nothing */
export function smallProfile(description: ModelDescription, timeOf: TimeOf): ProfiledModel {
  const timing = (layers: readonly DescribedLayer[]) => {
    const ms = layers.length === 0 ? 0 : timeOf(layers);
    return { medianMs: ms, p90Ms: ms * 1.5 };
  };
  const profile: Profile = {
    schema: 1,
    modelDigest: digest,
    tier: 'device',
    hardwareClass: 'pi-4',
    threads: 1,
    runtime: 'test',
    measuredAt: '2020-01-01T00:00:00Z',
    gapMs: 0,
    runs: 1,
    perCallOverheadMs: 0,
    modelLoadMs: 5,
    exits: description.branches.map(({ exit, layers, cuts }) => ({
      name: exit,
      layers: layers.map((layer) => ({ name: layer.name, type: layer.type, outputBytes: 0, timing: timing([layer]) })),
      head: cuts.map(({ partition }) => timing(layers.slice(0, partition))),
      tail: cuts.map(({ partition }) => timing(layers.slice(partition))),
    })),
  };
  return { profile, description, digest };
}

const elements = fc.integer({ min: 1, max: 100_000 });

/** Layers of all types, their sizes independent of each other. */
export const arbitraryLayer: fc.Arbitrary<SmallLayer> = fc.record({
  type: fc.constantFrom('conv', 'relu', 'lrn', 'pool', 'dropout', 'fc', 'other'),
  inputElements: elements,
  outputElements: elements,
  parameterCount: fc.nat(1_000_000),
  flops: fc.nat(100_000_000),
  settings: fc.record({
    kernel: fc.constantFrom([1, 1], [3, 3], [11, 11]),
    stride: fc.constantFrom([1, 1], [2, 2], [4, 4]),
    filters: fc.integer({ min: 1, max: 512 }),
    filterDepth: fc.integer({ min: 1, max: 512 }),
  }),
});

function toBranch(chain: readonly SmallLayer[], number: number): DescribedBranch {
  const nameOf = (index: number) => (index === 0 ? 'input' : `x${number}_${index}`);
  const layers = chain.map((layer, index) => ({
    index: index + 1,
    name: `n${number}_${index + 1}`,
    op: layer.type,
    settings: {},
    parameterCount: 0,
    parameterBytes: 4 * (layer.parameterCount ?? 0),
    inputs: [nameOf(index)],
    outputs: [nameOf(index + 1)],
    inputElements: 0,
    outputElements: 0,
    outputShapes: [],
    flops: 0,
    ...layer,
  }));
  const names = Array.from({ length: chain.length + 1 }, (_, partition) => nameOf(partition));
  return {
    exit: `exit${number}`,
    layers,
    cuts: names.map((name, partition) => ({ partition, tensors: [tensor(name, 1)], bytes: 4 })),
    parameterCount: layers.reduce((sum, { parameterCount }) => sum + parameterCount, 0),
    parameterBytes: layers.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0),
    flops: layers.reduce((sum, { flops }) => sum + flops, 0),
  };
}

function tensor(name: string, count: number): CutTensor {
  return { name, dtype: 'float32', dims: [1, count], elements: count, bytes: 4 * count };
}
