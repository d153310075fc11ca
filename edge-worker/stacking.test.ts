import { describe, expect, test } from 'vitest';
import type { Tensor } from '../shared/model/tensor.ts';
import { stackInputs, unstackOutputs } from './stacking.ts';

const tensor = (dims: number[], ...values: number[]): Tensor => ({ dims, data: Float32Array.from(values) });
const cut = (name: string, dims: number[]) => {
  const elements = dims.reduce((product, size) => product * size, 1);
  return { name, dtype: 'float32', dims, elements, bytes: 4 * elements };
};

describe('requests of one run', () => {
  const inputs = [cut('a', [1, 2]), cut('b', [3, 1])];

  test('are put behind each other along the first axis, tensor by tensor', () => {
    const stacked = stackInputs({ inputs }, [
      [tensor([1, 2], 1, 2), tensor([3, 1], 5, 6, 7)],
      [tensor([1, 2], 3, 4), tensor([3, 1], 8, 9, 10)],
    ]);
    expect(stacked).toEqual({ a: tensor([2, 2], 1, 2, 3, 4), b: tensor([6, 1], 5, 6, 7, 8, 9, 10) });
  });

  test('are handed on uncopied where there is one', () => {
    const only = [tensor([1, 2], 1, 2), tensor([3, 1], 5, 6, 7)];
    const stacked = stackInputs({ inputs }, [only]);
    expect(stacked['a']).toBe(only[0]);
    expect(stacked['b']).toBe(only[1]);
  });

  test('get their part of what the run gave, as a view', () => {
    const segment = { key: 'segment', outputs: [cut('y', [1, 2])] };
    const y = tensor([2, 2], 1, 2, 3, 4);
    const [first, second] = unstackOutputs(segment, { y }, 2);
    expect(first).toEqual([tensor([1, 2], 1, 2)]);
    expect(second).toEqual([tensor([1, 2], 3, 4)]);
    expect(second?.[0]?.data.buffer).toBe(y.data.buffer);
    expect(unstackOutputs(segment, { y: tensor([1, 2], 1, 2) }, 1)[0]?.[0]?.data).toEqual(Float32Array.of(1, 2));
  });

  test('are not taken apart where the run gave something else', () => {
    const segment = { key: 'segment', outputs: [cut('y', [1, 2])] };
    const wrong = expect.objectContaining({ code: 'inference-failed' });
    expect(() => unstackOutputs(segment, { y: tensor([1, 2], 1, 2) }, 2)).toThrow(wrong);
    expect(() => unstackOutputs(segment, {}, 1)).toThrow(wrong);
  });
});
