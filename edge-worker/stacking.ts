import type { Tensor, Tensors } from '../shared/model/tensor.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import type { Segment } from './served-models.ts';

/**
 * Puts the tensors of several requests behind each other along the batch, which is the first axis.
 * @param requests of each its tensors, as `segment.inputs` asks
 * @returns by name; those of a single request as they are, not copied
 */
export function stackInputs({ inputs }: Pick<Segment, 'inputs'>, requests: readonly (readonly Tensor[])[]): Tensors {
  const [first = []] = requests;
  const stacked: Record<string, Tensor> = {};
  for (const [index, { name }] of inputs.entries()) {
    const tensor = first[index];
    if (tensor === undefined) continue;
    stacked[name] = requests.length === 1 ? tensor : concatenate(requests.flatMap((tensors) => tensors[index] ?? []));
  }
  return stacked;
}

/**
 * Takes apart what a run of several requests gave.
 * @returns of each request its tensors, as `segment.outputs` tells: views, not copies
 * @throws {FleetError} `inference-failed` where an output is missing or is not that many times as large
 */
export function unstackOutputs(segment: Pick<Segment, 'key' | 'outputs'>, outputs: Tensors, count: number): Tensor[][] {
  return Array.from({ length: count }, (_, place) =>
    segment.outputs.map(({ name, elements, dims }) => {
      const tensor = outputs[name];
      if (tensor?.data.length !== count * elements) {
        throw new FleetError(
          'inference-failed',
          `${segment.key} gave [${tensor?.dims}] as ${name} for ${count} requests`,
        );
      }
      if (count === 1) return tensor;
      return { data: tensor.data.subarray(place * elements, (place + 1) * elements), dims };
    }),
  );
}

function concatenate(tensors: readonly Tensor[]): Tensor {
  const [first, ...others] = tensors;
  const [leading = 1, ...rest] = first?.dims ?? [];
  const elements = first?.data.length ?? 0;
  const data = new Float32Array(elements * tensors.length);
  for (const [place, tensor] of tensors.entries()) data.set(tensor.data, place * elements);
  return { data, dims: [leading * (others.length + 1), ...rest] };
}
