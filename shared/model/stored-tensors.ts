import { FleetError } from '../runtime/errors.ts';
import { dataTypeOf } from './data-type.ts';
import type { AttributeProto, GraphProto, ModelProto, SparseTensorProto, TensorProto } from './onnx_pb.ts';

/** Above this many bytes of stored tensors a model is refused. */
export const largestParameterBytes = 1024 ** 3;

/** Gives the bytes of a tensor that lies in another file. */
export type ExternalData = (tensor: TensorProto) => Uint8Array;

/**
 * @returns how many elements a tensor's dimensions declare
 * @throws {FleetError} `model-graph-invalid` on a negative dimension
 */
export function elementCount(tensor: { dims: readonly bigint[] }): number {
  return tensor.dims.reduce((product, dimension) => {
    if (dimension < 0n) throw new FleetError('model-graph-invalid', `a stored tensor has dimension ${dimension}`);
    return product * Number(dimension);
  }, 1);
}

/** @returns the size of a tensor in bytes as its type and dimensions declare it */
export function declaredBytes(tensor: TensorProto): number {
  const { name, bits } = dataTypeOf(tensor.dataType);
  if (name === 'string') return tensor.stringData.reduce((sum, text) => sum + text.byteLength, 0);
  return Math.ceil((elementCount(tensor) * bits) / 8);
}

/**
 * Checks every tensor stored in a model and fetches those that lie in other files.
 * @returns their bytes together
 * @throws {FleetError} `model-too-large`, `model-external-data`, `model-graph-invalid`
 */
export function checkStoredTensors(model: ModelProto, externalData?: ExternalData): number {
  const tensors = storedTensors(model);
  let bytes = 0;
  for (const tensor of tensors) {
    bytes += declaredBytes(tensor);
    if (bytes > largestParameterBytes) {
      throw new FleetError('model-too-large', 'the initialisers declare more than 1 GiB');
    }
  }
  for (const tensor of tensors) {
    if (isExternal(tensor)) inline(tensor, externalData);
    checkData(tensor);
  }
  return bytes;
}

export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === 1 || tensor.externalData.length > 0;
}

function inline(tensor: TensorProto, externalData: ExternalData | undefined): void {
  if (externalData === undefined) {
    throw new FleetError(
      'model-external-data',
      `weights of ${JSON.stringify(tensor.name)} lie in another file, and only the model was given: save it as one file`,
    );
  }
  tensor.rawData = externalData(tensor);
  tensor.externalData = [];
  tensor.dataLocation = 0;
}

/** Whether there is as much data as type and dimensions declare; strings and packed lists are left to the runtime. */
function checkData(tensor: TensorProto): void {
  if (dataTypeOf(tensor.dataType).name === 'string') return;
  const want = declaredBytes(tensor);
  const got = tensor.rawData.byteLength;
  const listed =
    tensor.floatData.length +
    tensor.int32Data.length +
    tensor.int64Data.length +
    tensor.doubleData.length +
    tensor.uint64Data.length;
  if (got === want || (got === 0 && listed > 0)) return;
  const name = JSON.stringify(tensor.name);
  throw new FleetError('model-graph-invalid', `tensor ${name} declares ${want} bytes and holds ${got}`);
}

function storedTensors(model: ModelProto): TensorProto[] {
  const graph: GraphProto | undefined = model.graph;
  if (graph === undefined) return [];
  const functionNodes = model.functions.flatMap((definition) => definition.node);
  return [
    ...graph.initializer,
    ...graph.sparseInitializer.flatMap(partsOfSparse),
    ...[...graph.node, ...functionNodes].flatMap((node) => node.attribute.flatMap(tensorsOfAttribute)),
  ];
}

function tensorsOfAttribute(attribute: AttributeProto): TensorProto[] {
  const sparse = [...(attribute.sparseTensor ? [attribute.sparseTensor] : []), ...attribute.sparseTensors];
  return [...(attribute.t ? [attribute.t] : []), ...attribute.tensors, ...sparse.flatMap(partsOfSparse)];
}

function partsOfSparse(sparse: SparseTensorProto): TensorProto[] {
  return [sparse.values, sparse.indices].filter((part) => part !== undefined);
}
