import { Type } from 'typebox';
import { createParser } from '../runtime/schema.ts';
import type { ModelDescription } from './describe-model.ts';

const Count = Type.Number({ minimum: 0 });
const Sizes = Type.Array(Type.Number());
const Names = Type.Array(Type.String());

const SettingsSchema = Type.Object({
  kernel: Type.Optional(Sizes),
  stride: Type.Optional(Sizes),
  pads: Type.Optional(Sizes),
  group: Type.Optional(Type.Number()),
  filters: Type.Optional(Type.Number()),
  filterDepth: Type.Optional(Type.Number()),
  inputFeatures: Type.Optional(Type.Number()),
  size: Type.Optional(Type.Number()),
});

const LayerSchema = Type.Object({
  index: Type.Integer({ minimum: 1 }),
  name: Type.String(),
  op: Type.String(),
  type: Type.Union([
    Type.Literal('conv'),
    Type.Literal('relu'),
    Type.Literal('lrn'),
    Type.Literal('pool'),
    Type.Literal('dropout'),
    Type.Literal('fc'),
    Type.Literal('other'),
  ]),
  settings: SettingsSchema,
  parameterCount: Count,
  parameterBytes: Count,
  inputs: Names,
  outputs: Names,
  inputElements: Count,
  outputElements: Count,
  outputShapes: Type.Array(Sizes),
  flops: Count,
});

const CutTensorSchema = Type.Object({
  name: Type.String(),
  dtype: Type.String(),
  dims: Sizes,
  elements: Count,
  bytes: Count,
});

const BranchSchema = Type.Object({
  exit: Type.String(),
  layers: Type.Array(LayerSchema),
  cuts: Type.Array(Type.Object({ partition: Count, tensors: Type.Array(CutTensorSchema), bytes: Count }), {
    minItems: 1,
  }),
  parameterCount: Count,
  parameterBytes: Count,
  flops: Count,
});

const ModelDescriptionSchema = Type.Object({
  inputs: Type.Array(CutTensorSchema),
  branches: Type.Array(BranchSchema, { minItems: 1 }),
});

const parser = createParser(ModelDescriptionSchema, 'store-damaged', 'model description');

/** @param json a description as `JSON.stringify` wrote it @throws {FleetError} `store-damaged` */
export function parseDescription(json: string): ModelDescription {
  return parser.parseJson(json);
}
