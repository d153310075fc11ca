import type { ChunkHeader, ReplyStatus } from '../shared/protocol/tensor-frame.ts';
import type { ServedModel, ServedModels, Tail } from './served-models.ts';

/** What a chunk asks for, or why it is refused; a probe may name a plan that leaves nothing to run here. */
export type Inspection =
  | { kind: 'tail'; tail: Tail }
  | { kind: 'nothing-to-run' }
  | { kind: 'refused'; status: Extract<ReplyStatus, 'unavailable' | 'invalid'>; reason: string };

/**
 * Checks a chunk against the models that are served, before anything is kept of it: what its plan is, and that it
 * belongs to a tensor of the right shape.
 */
export function inspectChunk(header: ChunkHeader, models: ServedModels): Inspection {
  const model = models.find(header.model);
  if (model === undefined) return refused('unavailable', `model ${header.model} is not served`);
  if (header.direction !== 'device-first') return refused('invalid', `direction ${header.direction} is not served`);
  if (header.status !== 'ok') return refused('invalid', `a ${header.kind} has no status ${header.status}`);
  return header.kind === 'probe' ? inspectProbe(header, model) : inspectRequest(header, model);
}

function inspectProbe({ exit, partition }: ChunkHeader, model: ServedModel): Inspection {
  const tails = model.tails[exit - 1];
  if (tails === undefined) return refused('invalid', `there is no exit ${exit}`);
  if (partition === tails.length) return { kind: 'nothing-to-run' };
  const tail = tails[partition];
  return tail === undefined ? refused('invalid', `there is no tail at ${partition}`) : { kind: 'tail', tail };
}

function inspectRequest(header: ChunkHeader, model: ServedModel): Inspection {
  const tail = model.tails[header.exit - 1]?.[header.partition];
  if (tail === undefined)
    return refused('invalid', `exit ${header.exit}, partition ${header.partition}: nothing to run`);
  if (header.tensorCount !== tail.inputs.length) {
    return refused('invalid', `${header.tensorCount} tensors for a cut of ${tail.inputs.length}`);
  }
  const expected = tail.inputs[header.tensorIndex];
  if (expected === undefined || !sameDims(expected.dims, header.dims)) {
    return refused('invalid', `tensor ${header.tensorIndex} is [${header.dims}], expected [${expected?.dims}]`);
  }
  return { kind: 'tail', tail };
}

function sameDims(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}

function refused(status: 'unavailable' | 'invalid', reason: string): Inspection {
  return { kind: 'refused', status, reason };
}
