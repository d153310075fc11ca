import type { ChunkHeader, ReplyStatus } from '../shared/protocol/tensor-frame.ts';
import { bytesOnWire, isImageEncoding } from '../shared/protocol/wire-encoding.ts';
import { type Segment, type ServedModel, type ServedModels, segmentOf } from './served-models.ts';

/** What a chunk asks for, or why it is refused; a probe may name a plan that leaves nothing to run here. */
export type Inspection =
  | { kind: 'segment'; segment: Segment }
  | { kind: 'nothing-to-run' }
  | { kind: 'refused'; status: Extract<ReplyStatus, 'unavailable' | 'invalid'>; reason: string };

/**
 * Checks a chunk against the models that are served, before anything is kept of it: what its plan is, and that it
 * belongs to a tensor of the right shape.
 */
export function inspectChunk(header: ChunkHeader, models: ServedModels): Inspection {
  const model = models.find(header.model);
  if (model === undefined) return refused('unavailable', `model ${header.model} is not served`);
  if (header.status !== 'ok') return refused('invalid', `a ${header.kind} has no status ${header.status}`);
  return header.kind === 'probe' ? inspectProbe(header, model) : inspectRequest(header, model);
}

function inspectProbe(header: ChunkHeader, model: ServedModel): Inspection {
  const segment = segmentOf(model, header);
  if (segment !== undefined) return { kind: 'segment', segment };
  if (isLocal(header, model)) return { kind: 'nothing-to-run' };
  return refused('invalid', `there is no segment for ${describe(header)}`);
}

function inspectRequest(header: ChunkHeader, model: ServedModel): Inspection {
  const segment = segmentOf(model, header);
  if (segment === undefined) return refused('invalid', `${describe(header)}: nothing to run`);
  if (header.tensorCount !== segment.inputs.length) {
    return refused('invalid', `${header.tensorCount} tensors for a cut of ${segment.inputs.length}`);
  }
  if (isImageEncoding(header.encoding)) return inspectImage(header, segment);
  const expected = segment.inputs[header.tensorIndex];
  if (expected === undefined || !sameDims(expected.dims, header.dims)) {
    return refused('invalid', `tensor ${header.tensorIndex} is [${header.dims}], expected [${expected?.dims}]`);
  }
  return { kind: 'segment', segment };
}

/** No file is worth sending that is larger than the floats of its pixels: that bounds what is kept of it. */
function inspectImage({ dims, encoding }: ChunkHeader, segment: Segment): Inspection {
  const { preprocessing } = segment.model;
  const elements = segment.inputs[0]?.elements ?? 0;
  if (preprocessing === undefined || elements !== 3 * preprocessing.resize.width * preprocessing.resize.height) {
    return refused('invalid', `the model's input is no image`);
  }
  const [bytes = 0] = dims;
  const most = bytesOnWire('f32', elements);
  if (bytes === 0 || bytes > most) return refused('invalid', `${encoding} of ${bytes} bytes, expected 1 to ${most}`);
  return { kind: 'segment', segment };
}

/** Whether the device runs all layers: as the first tier N of them, or as the second all that follow none. */
function isLocal({ exit, partition, direction }: ChunkHeader, { exits }: ServedModel): boolean {
  const byPartition = exits[exit - 1]?.[direction];
  if (byPartition === undefined) return false;
  return partition === (direction === 'device-first' ? byPartition.length - 1 : 0);
}

function describe({ exit, partition, direction }: ChunkHeader): string {
  return `exit ${exit}, partition ${partition}, ${direction}`;
}

function sameDims(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((size, axis) => size === other[axis]);
}

function refused(status: 'unavailable' | 'invalid', reason: string): Inspection {
  return { kind: 'refused', status, reason };
}
