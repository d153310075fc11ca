import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { calibrationModel } from '../../shared/model/calibration-model.ts';
import { describeModel, type ModelDescription } from '../../shared/model/describe-model.ts';
import type { ModelGraph } from '../../shared/model/graph.ts';
import { digestOf } from '../../shared/model/model-package.ts';
import { parseModel } from '../../shared/model/parse-model.ts';
import { readModelBytes } from '../../shared/model/read-model.ts';
import type { TensorShapes } from '../../shared/model/shapes.ts';
import type { ProfiledModel } from '../../shared/planner/latency-observations.ts';
import { type Profile, profileParser } from '../../shared/protocol/profile.ts';

/** The models that the regressions are tried on. */
export const knownModels = ['alexnet-32', 'alexnet-128', 'dense', 'resnet', 'calibration'] as const;
export type KnownModel = (typeof knownModels)[number];

export interface OpenedModel {
  graph: ModelGraph;
  shapes: TensorShapes;
  description: ModelDescription;
  digest: string;
}

const root = join(import.meta.dirname, '../../..');
const files: Record<Exclude<KnownModel, 'calibration'>, string> = {
  'alexnet-32': join(root, 'models', 'branchy-alexnet-32', 'model.onnx'),
  'alexnet-128': join(root, 'models', 'branchy-alexnet-128', 'model.onnx'),
  dense: join(root, 'shared', 'model', 'fixtures', 'branchy-dense.onnx'),
  resnet: join(root, 'shared', 'model', 'fixtures', 'branchy-resnet.onnx'),
};

/** Where profiles are kept that `main.ts --measure` has made. */
export const fixturesFolder = join(root, 'experiments', 'regressions', 'fixtures');

export async function openModel(name: KnownModel): Promise<OpenedModel> {
  const bytes = name === 'calibration' ? calibrationModel() : await readModelBytes(files[name]);
  const graph = parseModel(bytes);
  const shapes = await traceShapes(graph);
  return { graph, shapes, description: describeModel(graph, shapes), digest: digestOf(bytes) };
}

/** @throws {FleetError} `message-invalid` where the file holds no profile */
export async function readProfiled(name: KnownModel, folder = fixturesFolder): Promise<ProfiledModel> {
  const { description, digest } = await openModel(name);
  const profile = profileParser.parseJson(await readFile(join(folder, `${name}.json`)));
  return { profile, description, digest };
}

export async function writeProfile(name: KnownModel, folder: string, profile: Profile): Promise<void> {
  const shortened = JSON.stringify(profile, (_, value) =>
    typeof value === 'number' ? Number(value.toFixed(4)) : value,
  );
  await writeFile(join(folder, `${name}.json`), `${shortened}\n`);
}
