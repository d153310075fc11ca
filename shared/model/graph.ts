import type { ModelProto, NodeProto, SparseTensorProto, TensorProto } from './onnx_pb.ts';

/** A node that depends on the model's input. Empty (left out) tensor names are gone from the lists. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** Tensors that depend on the model's input, each once. */
  readonly inputs: readonly string[];
  /** Initialisers and tensors computed from nothing else, each once. */
  readonly constantInputs: readonly string[];
  readonly outputs: readonly string[];
  readonly proto: NodeProto;
}

/** A tensor that is the same for every input: stored in the file, or computed from such alone. */
export type Constant =
  | { readonly kind: 'initializer'; readonly tensor: TensorProto }
  | { readonly kind: 'sparse'; readonly tensor: SparseTensorProto }
  | { readonly kind: 'node'; readonly node: GraphNode };

/** A checked ONNX model: acyclic, complete, without control flow. INVARIANT nothing changes it after parsing. */
export interface ModelGraph {
  readonly model: ModelProto;
  /** Names of the inputs a caller must give, in the file's order. */
  readonly inputs: readonly string[];
  /** Names of the outputs, in the file's order. */
  readonly exits: readonly string[];
  /** In execution order: the file's own where that is valid. Constant nodes are left out. */
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<string, Constant>;
  /** The node that makes a tensor. */
  readonly producers: ReadonlyMap<string, GraphNode>;
  /** Bytes of all stored constants. */
  readonly parameterBytes: number;
}
