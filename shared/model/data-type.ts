import { FleetError } from '../runtime/errors.ts';

/** Element types by ONNX's number: name as in onnxruntime, and bits of one element (strings have none). */
const dataTypes = new Map<number, { name: string; bits: number }>([
  [1, { name: 'float32', bits: 32 }],
  [2, { name: 'uint8', bits: 8 }],
  [3, { name: 'int8', bits: 8 }],
  [4, { name: 'uint16', bits: 16 }],
  [5, { name: 'int16', bits: 16 }],
  [6, { name: 'int32', bits: 32 }],
  [7, { name: 'int64', bits: 64 }],
  [8, { name: 'string', bits: 0 }],
  [9, { name: 'bool', bits: 8 }],
  [10, { name: 'float16', bits: 16 }],
  [11, { name: 'float64', bits: 64 }],
  [12, { name: 'uint32', bits: 32 }],
  [13, { name: 'uint64', bits: 64 }],
  [14, { name: 'complex64', bits: 64 }],
  [15, { name: 'complex128', bits: 128 }],
  [16, { name: 'bfloat16', bits: 16 }],
  [17, { name: 'float8e4m3fn', bits: 8 }],
  [18, { name: 'float8e4m3fnuz', bits: 8 }],
  [19, { name: 'float8e5m2', bits: 8 }],
  [20, { name: 'float8e5m2fnuz', bits: 8 }],
  [21, { name: 'uint4', bits: 4 }],
  [22, { name: 'int4', bits: 4 }],
]);

const numbers = new Map([...dataTypes].map(([number, { name }]) => [name, number]));

export const float32Number = 1;

/** @throws {FleetError} `model-graph-invalid` on a number that is no element type */
export function dataTypeOf(number: number): { name: string; bits: number } {
  const type = dataTypes.get(number);
  if (type === undefined) throw new FleetError('model-graph-invalid', `element type ${number} is unknown`);
  return type;
}

/** @returns ONNX's number of an element type, undefined for a name that is none */
export function dataTypeNumber(name: string): number | undefined {
  return numbers.get(name);
}
