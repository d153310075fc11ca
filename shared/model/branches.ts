import { FleetError } from '../runtime/errors.ts';
import type { GraphNode, ModelGraph } from './graph.ts';
import type { LayerSettings } from './layer-settings.ts';
import { layerSettings, parametersOf } from './layer-settings.ts';
import type { LayerType } from './operators.ts';
import { layerTypeOf } from './operators.ts';

/** One ONNX node of a branch. Initialisers and nodes that compute from constants alone are no layers. */
export interface Layer {
  /** 1..N in execution order. */
  readonly index: number;
  readonly name: string;
  readonly op: string;
  readonly type: LayerType;
  readonly settings: LayerSettings;
  readonly parameterCount: number;
  readonly parameterBytes: number;
  /** Tensors it reads that depend on the model's input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** The sub-graph that produces one exit. */
export interface Branch {
  readonly exit: string;
  readonly layers: readonly Layer[];
  /**
   * N+1 cuts; cut p holds the tensors alive between layer p and layer p+1: cut 0 the model's inputs that the branch
   * reads, cut N the exit alone. Older tensors come first.
   */
  readonly cuts: readonly (readonly string[])[];
}

/** @returns the branches of all exits, in the file's order */
export function branchesOf(graph: ModelGraph): Branch[] {
  return graph.exits.map((exit) => branchOf(graph, exit));
}

/**
 * @returns the layers that one exit needs, and no other
 * @throws {FleetError} `model-unknown-exit`
 */
export function branchOf(graph: ModelGraph, exit: string): Branch {
  if (!graph.exits.includes(exit)) {
    throw new FleetError('model-unknown-exit', `no exit ${JSON.stringify(exit)}; there are ${graph.exits.join(', ')}`);
  }
  const nodes = nodesBetween(graph, [], [exit]);
  const layers = nodes.map((node, position) => toLayer(graph, node, position + 1));
  return { exit, layers, cuts: cutsOf(layers, graph.inputs, exit) };
}

/**
 * @param from tensors that are given: what makes them is left out
 * @returns the nodes that `to` needs, in execution order
 */
export function nodesBetween(graph: ModelGraph, from: readonly string[], to: readonly string[]): GraphNode[] {
  const given = new Set(from);
  const needed = new Set<GraphNode>();
  const pending = [...to];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const producer = given.has(name) ? undefined : graph.producers.get(name);
    if (producer === undefined || needed.has(producer)) continue;
    needed.add(producer);
    pending.push(...producer.inputs);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/**
 * How much of a second branch has been run once the first `partition` layers of a first one have: finishing on the
 * second one's exit starts from its cut at the result.
 * @returns the greatest q such that layers 1..q of `other` are all among layers 1..partition of `branch`
 */
export function sharedLayers(branch: Branch, partition: number, other: Branch): number {
  const run = new Set(branch.layers.slice(0, partition).map((layer) => layer.outputs[0]));
  const missing = other.layers.findIndex((layer) => !run.has(layer.outputs[0]));
  return missing < 0 ? other.layers.length : missing;
}

function toLayer(graph: ModelGraph, node: GraphNode, index: number): Layer {
  const { count, bytes } = parametersOf(graph, node);
  return {
    index,
    name: node.name,
    op: node.op,
    type: layerTypeOf(node.op),
    settings: layerSettings(graph, node),
    parameterCount: count,
    parameterBytes: bytes,
    inputs: node.inputs,
    outputs: node.outputs,
  };
}

function cutsOf(layers: readonly Layer[], inputs: readonly string[], exit: string): string[][] {
  const lastUse = new Map<string, number>();
  for (const layer of layers) for (const name of layer.inputs) lastUse.set(name, layer.index);
  lastUse.set(exit, Number.POSITIVE_INFINITY);
  const used = (name: string, index: number) => (lastUse.get(name) ?? 0) > index;
  let alive = inputs.filter((name) => used(name, 0));
  const cuts = [alive];
  for (const { index, outputs } of layers) {
    alive = [...alive, ...outputs].filter((name) => used(name, index));
    cuts.push(alive);
  }
  return cuts;
}
