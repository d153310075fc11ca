import { create, toBinary } from '@bufbuild/protobuf';
import type { Chain, ChainLayer } from './calibration-chains.ts';
import { calibrationChains } from './calibration-chains.ts';
import { type AttributeProto, ModelProtoSchema, type NodeProto, type TensorProto } from './onnx_pb.ts';

/**
 * A model whose exits are chains of layers of many sizes: profiled once on a class of hardware, it shows how latency
 * follows from the variables of layers. Its weights follow a fixed sequence: the same chains give the same bytes.
 * @returns an ONNX file of opset 13; exit i is `chain<i>`, its input `input<i>` of shape [batch, channels, side, side]
 */
export function calibrationModel(chains: readonly Chain[] = calibrationChains): Uint8Array {
  const parts = chains.map((chain, index) => buildChain(chain, index + 1));
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 7n,
      opsetImport: [{ domain: '', version: 13n }],
      graph: {
        name: 'calibration',
        node: parts.flatMap(({ nodes }) => nodes),
        initializer: parts.flatMap(({ weights }) => weights),
        input: chains.map(({ channels, side }, index) => tensorInfo(`input${index + 1}`, [channels, side, side])),
        output: parts.map(({ name, shape }) => tensorInfo(name, shape)),
      },
    }),
  );
}

type NodeInit = Pick<NodeProto, 'name' | 'opType' | 'input' | 'output'> & { attribute: AttributeInit[] };
type AttributeInit = Pick<AttributeProto, 'name' | 'type'> & Partial<Pick<AttributeProto, 'i' | 'ints'>>;
type TensorInit = Pick<TensorProto, 'name' | 'dims' | 'dataType' | 'rawData'>;

/** A tensor of a chain without its batch axis: [channels, height, width] or [features]. */
interface ChainTensor {
  name: string;
  shape: readonly number[];
}

interface BuiltChain extends ChainTensor {
  nodes: NodeInit[];
  weights: TensorInit[];
}

/** One layer's nodes, and the shape of what they put out. */
interface BuiltLayer {
  nodes: Pick<NodeInit, 'opType' | 'input' | 'attribute'>[];
  weights: TensorInit[];
  shape: readonly number[];
}

const float32 = 1;
const intAttribute = 2;
const intsAttribute = 7;

function buildChain({ channels, side, layers }: Chain, number: number): BuiltChain {
  const tensors: ChainTensor[] = [{ name: `input${number}`, shape: [channels, side, side] }];
  const built: BuiltChain = { nodes: [], weights: [], name: `chain${number}`, shape: [] };
  for (const [position, layer] of layers.entries()) {
    const place = `chain${number}_${position + 1}`;
    const { nodes, weights, shape } = buildLayer(layer, tensors, place);
    const output = position === layers.length - 1 ? built.name : place;
    for (const [index, node] of nodes.entries()) {
      const last = index === nodes.length - 1;
      built.nodes.push({ ...node, name: last ? place : `${place}_flat`, output: [last ? output : `${place}_flat`] });
    }
    built.weights.push(...weights);
    built.shape = shape;
    tensors.push({ name: output, shape });
  }
  return built;
}

function buildLayer(layer: ChainLayer, tensors: readonly ChainTensor[], place: string): BuiltLayer {
  const input = tensors.at(-1) ?? { name: '', shape: [] };
  const [channels = 0, side = 0] = input.shape;
  const single = (opType: string, attribute: AttributeInit[], shape: readonly number[]): BuiltLayer => {
    return { nodes: [{ opType, input: [input.name], attribute }], weights: [], shape };
  };
  switch (layer.op) {
    case 'conv':
      return buildConv(layer, input, place);
    case 'fc':
      return buildFc(layer.features, input, place);
    case 'maxPool':
    case 'averagePool': {
      const { kernel, stride } = layer;
      const shrunk = Math.floor((side - kernel) / stride) + 1;
      const attribute = [ints('kernel_shape', [kernel, kernel]), ints('strides', [stride, stride])];
      return single(layer.op === 'maxPool' ? 'MaxPool' : 'AveragePool', attribute, [channels, shrunk, shrunk]);
    }
    case 'relu':
      return single('Relu', [], input.shape);
    case 'lrn':
      return single('LRN', [int('size', 5)], input.shape);
    case 'add':
    case 'concat': {
      const other = tensors.at(-1 - layer.back) ?? input;
      const joined = [channels + (other.shape[0] ?? 0), ...input.shape.slice(1)];
      const [opType, attribute] = layer.op === 'add' ? (['Add', []] as const) : (['Concat', [int('axis', 1)]] as const);
      const nodes = [{ opType, input: [input.name, other.name], attribute: [...attribute] }];
      return { nodes, weights: [], shape: layer.op === 'add' ? input.shape : joined };
    }
  }
}

function buildConv(
  { filters, kernel, stride }: Extract<ChainLayer, { op: 'conv' }>,
  { name, shape }: ChainTensor,
  place: string,
): BuiltLayer {
  const [channels = 0, side = 0] = shape;
  const pad = (kernel - 1) >> 1;
  const reached = Math.floor((side + 2 * pad - kernel) / stride) + 1;
  const attribute = [
    ints('kernel_shape', [kernel, kernel]),
    ints('strides', [stride, stride]),
    ints('pads', [pad, pad, pad, pad]),
  ];
  return {
    nodes: [{ opType: 'Conv', input: [name, `${place}_w`, `${place}_b`], attribute }],
    weights: [weight(`${place}_w`, [filters, channels, kernel, kernel]), weight(`${place}_b`, [filters])],
    shape: [filters, reached, reached],
  };
}

function buildFc(features: number, { name, shape }: ChainTensor, place: string): BuiltLayer {
  const inputs = shape.reduce((product, size) => product * size, 1);
  const flat = shape.length > 1;
  const gemm = { opType: 'Gemm', input: [flat ? `${place}_flat` : name, `${place}_w`, `${place}_b`] };
  const weights = [weight(`${place}_w`, [features, inputs]), weight(`${place}_b`, [features])];
  const flatten = flat ? [{ opType: 'Flatten', input: [name], attribute: [int('axis', 1)] }] : [];
  return { nodes: [...flatten, { ...gemm, attribute: [int('transB', 1)] }], weights, shape: [features] };
}

/** Uniform, of a variance that keeps activations from vanishing or growing: denormal numbers would take other times. */
function weight(name: string, dims: readonly number[]): TensorInit {
  const elements = dims.reduce((product, size) => product * size, 1);
  const span = Math.sqrt((24 * (dims[0] ?? 1)) / elements);
  const data = new Float32Array(elements);
  for (let i = 0; i < elements; i += 1) data[i] = span * ((Math.imul(i + 1, 0x9e3779b1) >>> 0) / 2 ** 32 - 0.5);
  return { name, dims: dims.map(BigInt), dataType: float32, rawData: new Uint8Array(data.buffer) };
}

function int(name: string, value: number): AttributeInit {
  return { name, type: intAttribute, i: BigInt(value) };
}

function ints(name: string, values: readonly number[]): AttributeInit {
  return { name, type: intsAttribute, ints: values.map(BigInt) };
}

function tensorInfo(name: string, shape: readonly number[]) {
  const batch = { value: { case: 'dimParam', value: 'batch' } } as const;
  const sizes = shape.map((size) => ({ value: { case: 'dimValue', value: BigInt(size) } }) as const);
  return { name, type: { tensorType: { elemType: float32, shape: { dim: [batch, ...sizes] } } } };
}
