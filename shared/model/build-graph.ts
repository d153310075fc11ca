import { FleetError } from '../runtime/errors.ts';
import type { Constant, GraphNode, ModelGraph } from './graph.ts';
import type { GraphProto, ModelProto, NodeProto } from './onnx_pb.ts';

const controlFlow = new Set(['Loop', 'If', 'Scan', 'SequenceMap']);
const graphAttribute = 5;
const graphsAttribute = 10;

/**
 * Turns a decoded model into a graph in execution order.
 * @throws {FleetError} `model-has-loop`, `model-graph-invalid`
 */
export function buildGraph(model: ModelProto, parameterBytes: number): ModelGraph {
  const proto = model.graph;
  if (proto === undefined) throw new FleetError('model-graph-invalid', 'the file has no graph');
  refuseControlFlow(model);
  const constants = storedConstants(proto);
  const inputs = proto.input.map((input) => input.name).filter((name) => !constants.has(name));
  const ordered = inExecutionOrder(proto.node, new Set([...inputs, ...constants.keys()]));
  const nodes: GraphNode[] = [];
  const producers = new Map<string, GraphNode>();
  for (const [position, nodeProto] of ordered.entries()) {
    const node = toGraphNode(nodeProto, position, constants);
    // Random operators have no input either, but must not be computed twice.
    const constant = node.inputs.length === 0 && !node.op.startsWith('Random');
    for (const output of node.outputs) {
      if (constant) constants.set(output, { kind: 'node', node });
      else producers.set(output, node);
    }
    if (!constant) nodes.push(node);
  }
  const exits = checkedExits(proto, producers);
  return { model, inputs, exits, nodes, constants, producers, parameterBytes };
}

function refuseControlFlow(model: ModelProto): void {
  const nodes = [...(model.graph?.node ?? []), ...model.functions.flatMap((definition) => definition.node)];
  for (const node of nodes) {
    const nested = node.attribute.some(
      ({ g, graphs, type }) =>
        g !== undefined || graphs.length > 0 || type === graphAttribute || type === graphsAttribute,
    );
    if (!nested && !controlFlow.has(node.opType)) continue;
    throw new FleetError(
      'model-has-loop',
      `node ${JSON.stringify(node.name)} is a ${node.opType}, which runs a nested graph`,
    );
  }
}

function storedConstants(graph: GraphProto): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const tensor of graph.initializer) constants.set(tensor.name, { kind: 'initializer', tensor });
  for (const tensor of graph.sparseInitializer) constants.set(tensor.values?.name ?? '', { kind: 'sparse', tensor });
  return constants;
}

function toGraphNode(proto: NodeProto, position: number, constants: ReadonlyMap<string, Constant>): GraphNode {
  const names = [...new Set(proto.input)].filter((name) => name !== '');
  return {
    name: proto.name || proto.output.find((name) => name !== '') || `node${position}`,
    op: proto.opType,
    inputs: names.filter((name) => !constants.has(name)),
    constantInputs: names.filter((name) => constants.has(name)),
    outputs: proto.output.filter((name) => name !== ''),
    proto,
  };
}

/** Depth first from each node in turn, so that a valid order in the file is kept as it is. */
function inExecutionOrder(nodes: readonly NodeProto[], given: ReadonlySet<string>): NodeProto[] {
  const producers = producersOf(nodes, given);
  const done = new Set<NodeProto>();
  const open = new Set<NodeProto>();
  for (const root of nodes) {
    const stack = done.has(root) ? [] : [{ node: root, next: 0 }];
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      open.add(frame.node);
      const name = frame.node.input[frame.next++];
      if (name === undefined) {
        done.add(frame.node);
        open.delete(frame.node);
        stack.pop();
      } else if (name !== '' && !given.has(name)) {
        const producer = producers.get(name);
        if (producer === undefined) throw missingTensor(frame.node, name);
        if (open.has(producer)) {
          throw new FleetError('model-has-loop', `the graph has a cycle through tensor ${JSON.stringify(name)}`);
        }
        if (!done.has(producer)) stack.push({ node: producer, next: 0 });
      }
    }
  }
  return [...done];
}

function producersOf(nodes: readonly NodeProto[], given: ReadonlySet<string>): Map<string, NodeProto> {
  const producers = new Map<string, NodeProto>();
  for (const node of nodes) {
    for (const output of node.output) {
      if (output === '') continue;
      if (given.has(output) || producers.has(output)) {
        throw new FleetError('model-graph-invalid', `tensor ${JSON.stringify(output)} is made twice`);
      }
      producers.set(output, node);
    }
  }
  return producers;
}

function missingTensor(node: NodeProto, name: string): FleetError {
  const reader = JSON.stringify(node.name || node.opType);
  return new FleetError(
    'model-graph-invalid',
    `node ${reader} reads tensor ${JSON.stringify(name)}, which nothing makes`,
  );
}

function checkedExits(graph: GraphProto, producers: ReadonlyMap<string, GraphNode>): string[] {
  const exits = graph.output.map((output) => output.name);
  if (exits.length === 0) throw new FleetError('model-graph-invalid', 'the graph has no output');
  const idle = exits.find((name) => !producers.has(name));
  if (idle !== undefined) {
    throw new FleetError('model-graph-invalid', `output ${JSON.stringify(idle)} is computed by no layer`);
  }
  if (new Set(exits).size < exits.length) throw new FleetError('model-graph-invalid', 'two outputs have the same name');
  return exits;
}
