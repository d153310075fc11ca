import { FleetError } from '../runtime/errors.ts';
import type { ModelGraph } from './graph.ts';

/** The layer types that the paper predicts latency for; the rest is `other`. */
export type LayerType = 'conv' | 'relu' | 'lrn' | 'pool' | 'dropout' | 'fc' | 'other';

const layerTypes: Record<Exclude<LayerType, 'other'>, readonly string[]> = {
  conv: ['Conv', 'ConvTranspose'],
  relu: ['Relu', 'LeakyRelu', 'PRelu', 'Elu', 'Clip', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Gelu'],
  lrn: ['LRN'],
  pool: ['MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool', 'LpPool'],
  dropout: ['Dropout'],
  fc: ['Gemm', 'MatMul'],
};

const typeByOperator = new Map<string, LayerType>(
  Object.entries(layerTypes).flatMap(([type, operators]) => operators.map((op) => [op, type as LayerType] as const)),
);

/** @returns the layer type that stands for an ONNX operator */
export function layerTypeOf(op: string): LayerType {
  return typeByOperator.get(op) ?? 'other';
}

/**
 * Operators that an uploaded model may use: what feed-forward image networks need. None of them loops, and none makes
 * a tensor whose size comes from data (ConstantOfShape, Expand, Range, Tile and their like can allocate gigabytes).
 */
const uploadOperators = new Set([
  ...typeByOperator.keys(),
  ...['Add', 'Sub', 'Mul', 'Div', 'Sqrt', 'Pow', 'Neg', 'Abs', 'Exp', 'Log', 'Min', 'Max', 'Sum', 'Mean', 'Erf'],
  ...['BatchNormalization', 'InstanceNormalization', 'LayerNormalization', 'LpNormalization', 'Softmax', 'LogSoftmax'],
  ...['Concat', 'Split', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Transpose', 'Identity', 'Slice', 'Gather'],
  ...['ReduceMean', 'ReduceSum', 'ReduceMax', 'Constant', 'Cast', 'Shape', 'DepthToSpace', 'SpaceToDepth', 'ArgMax'],
  ...['QuantizeLinear', 'DequantizeLinear', 'Softplus', 'Selu', 'Mish'],
]);

/**
 * Refuses a model from outside that uses an operator off the allow-list, or one that the file defines itself.
 * @throws {FleetError} `model-operator-forbidden`
 */
export function requireUploadOperators(graph: ModelGraph): void {
  for (const node of graph.model.graph?.node ?? []) {
    const standard = node.domain === '' || node.domain === 'ai.onnx';
    if (standard && uploadOperators.has(node.opType)) continue;
    const name = standard ? node.opType : `${node.domain}.${node.opType}`;
    throw new FleetError('model-operator-forbidden', `node ${JSON.stringify(node.name)} uses ${name}`);
  }
}
