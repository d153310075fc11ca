import { FleetError } from '../runtime/errors.ts';
import type { Branch, Layer } from './branches.ts';

/** The layers of one branch and what travels between them: all that a cut through the branch depends on. */
export interface LayerGraph<L extends Pick<Layer, 'inputs' | 'outputs'> = Pick<Layer, 'inputs' | 'outputs'>> {
  /** The model's inputs that the branch reads. */
  readonly inputs: readonly string[];
  /** Layers 1..N in execution order. */
  readonly layers: readonly L[];
  /** The tensor that the last layer makes; no layer reads it. */
  readonly exit: string;
}

export function layerGraph({ exit, layers, cuts }: Branch): LayerGraph<Layer> {
  return { inputs: cuts[0] ?? [], layers, exit };
}

/**
 * The cut around a set of layers, which need be no prefix of the execution order: the tensors that are there once
 * these layers have run, and that the others or the caller still need. Each is named once, however many read it.
 * @param layers indices within 1..N, with each layer all layers that it reads from
 * @returns the model's inputs that other layers read, then tensors made by the set, in execution order; for all layers
 *   the exit alone, for layers 1..p the branch's cut p
 * @throws {FleetError} `layer-unknown`, `layers-not-closed`
 */
export function cutAround(graph: LayerGraph, layers: ReadonlySet<number>): string[] {
  requireClosed(graph, layers);
  const needed = new Set([graph.exit]);
  const made = [...graph.inputs];
  for (const [position, { inputs, outputs }] of graph.layers.entries()) {
    if (layers.has(position + 1)) made.push(...outputs);
    else for (const name of inputs) needed.add(name);
  }
  return made.filter((name) => needed.has(name));
}

function requireClosed({ layers: all }: LayerGraph, layers: ReadonlySet<number>): void {
  const unknown = [...layers].find((index) => all[index - 1] === undefined);
  if (unknown !== undefined) throw new FleetError('layer-unknown', `layer ${unknown} is not within 1..${all.length}`);
  const makers = makersOf(all);
  for (const [position, { inputs }] of all.entries()) {
    if (!layers.has(position + 1)) continue;
    for (const name of inputs) {
      const maker = makers.get(name);
      if (maker === undefined || layers.has(maker)) continue;
      throw new FleetError(
        'layers-not-closed',
        `layer ${position + 1} reads ${JSON.stringify(name)} of layer ${maker}`,
      );
    }
  }
}

/**
 * @returns whether each layer reads from the one before it: then every closed set of layers is a prefix 1..p, and
 *   skips over layers change nothing of that
 */
export function isChain({ layers }: Pick<LayerGraph, 'layers'>): boolean {
  const makers = makersOf(layers);
  return layers.every(({ inputs }, position) => position === 0 || inputs.some((name) => makers.get(name) === position));
}

/** @returns the index of the layer that makes each tensor */
export function makersOf(layers: LayerGraph['layers']): ReadonlyMap<string, number> {
  return new Map(layers.flatMap(({ outputs }, position) => outputs.map((name) => [name, position + 1] as const)));
}
