import { startInferenceThread } from '../../../shared/adapters/inference-thread.ts';
import { extractSegment } from '../../../shared/model/split.ts';
import type { Tensors } from '../../../shared/model/tensor.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { OpenedModel } from '../../reproduce/models.ts';
import type { Segment } from './sending-plans.ts';

/** Segments run for their own time alone: on noise, by the runtime that the platform uses, with nothing around it. */
export interface BareSegments {
  /** Loads and warms what is not loaded yet. @throws {FleetError} as `extractSegment`, `inference-failed` */
  load(segment: Segment | null): Promise<void>;
  /** @returns what the runtime took, ms; 0 of nothing @throws {FleetError} `segment-not-loaded`, `inference-failed` */
  run(segment: Segment | null): Promise<number>;
  close(): Promise<void>;
}

const maxSessions = 8;
/** A session's first runs take longer than all that follow. */
const warmUpRuns = 3;

export function createBareSegments(model: OpenedModel): BareSegments {
  const thread = startInferenceThread({ maxSessions });

  async function run(segment: Segment | null): Promise<number> {
    if (segment === null) return 0;
    const { runtimeMs } = await thread.run(keyOf(segment), noiseFor(model, segment));
    return runtimeMs;
  }

  return {
    async load(segment) {
      if (segment === null || thread.has(keyOf(segment))) return;
      const { exit, from, to } = segment;
      const name = branchOf(model, exit).exit;
      await thread.load(keyOf(segment), extractSegment(model.package.graph, name, [from, to], model.shapes));
      for (let i = 0; i < warmUpRuns; i += 1) await run(segment);
    },
    run,
    close: () => thread.close(),
  };
}

function keyOf({ exit, from, to }: Segment): string {
  return `${exit}/${from}/${to}`;
}

function branchOf({ description }: OpenedModel, exit: number): OpenedModel['description']['branches'][number] {
  const branch = description.branches[exit - 1];
  if (branch === undefined) throw new FleetError('model-unknown-exit', `the model has no exit ${exit}`);
  return branch;
}

function noiseFor(model: OpenedModel, { exit, from }: Segment): Tensors {
  const tensors = branchOf(model, exit).cuts[from]?.tensors ?? [];
  return Object.fromEntries(
    tensors.map(({ name, dims, elements }) => [
      name,
      { data: Float32Array.from({ length: elements }, (_, i) => Math.sin(i)), dims },
    ]),
  );
}
