import { join } from 'node:path';
import { startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import { hardwareClass, profileModel, profilingSessions } from '../../shared/adapters/profile-model.ts';
import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { describeModel, type ModelDescription } from '../../shared/model/describe-model.ts';
import { type ModelPackage, readPackage } from '../../shared/model/model-package.ts';
import type { TensorShapes } from '../../shared/model/shapes.ts';
import { extractSegment } from '../../shared/model/split.ts';
import type { Tensors } from '../../shared/model/tensor.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import type { ModelName } from './settings.ts';

/** A model package with what a run of it shows. */
export interface OpenedModel {
  readonly package: ModelPackage;
  readonly shapes: TensorShapes;
  readonly description: ModelDescription;
}

/** The checkout's root; experiments run from dist/experiments/reproduce. */
const root = join(import.meta.dirname, '../../..');

/** @throws {FleetError} what `readPackage` throws */
export async function openModel(name: ModelName): Promise<OpenedModel> {
  const model = await readPackage(join(root, 'models', name));
  const shapes = await traceShapes(model.graph);
  return { package: model, shapes, description: describeModel(model.graph, shapes) };
}

/** Measures every layer and segment of a model on this machine. */
export async function profileHere({ package: model, shapes }: OpenedModel, runs: number): Promise<Profile> {
  const thread = startInferenceThread({ maxSessions: profilingSessions });
  try {
    return await profileModel({
      thread,
      graph: model.graph,
      shapes,
      digest: model.manifest.digest,
      tier: 'device',
      hardwareClass: hardwareClass(),
      threads: 1,
      runs,
    });
  } finally {
    await thread.close();
  }
}

/** As an emulated processor times what it stretches. */
const timing = { warmUp: 5, runs: 40, gapMs: 2 };

/** @returns the least time of the deepest exit run whole, ms: what an emulated processor multiplies */
export async function timeDeepestExit({ package: model, description }: OpenedModel): Promise<number> {
  const thread = startInferenceThread({ maxSessions: 1 });
  const deepest = description.branches.at(-1);
  try {
    await thread.load('whole', extractSegment(model.graph, deepest?.exit ?? '', [0, deepest?.layers.length ?? 0]));
    return (await thread.measure('whole', noiseFor(model), timing)).minMs;
  } finally {
    await thread.close();
  }
}

function noiseFor({ manifest: { input } }: ModelPackage): Tensors {
  const elements = input.shape.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length: elements }, (_, i) => Math.sin(i));
  return { [input.name]: { data, dims: [1, ...input.shape] } };
}
