import { startInferenceThread } from '../shared/adapters/inference-thread.ts';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { describeModel, type ModelDescription } from '../shared/model/describe-model.ts';
import type { ModelPackage } from '../shared/model/model-package.ts';
import type { TensorShapes } from '../shared/model/shapes.ts';
import { modelShape } from '../shared/planner/model-shape.ts';
import type { ModelShape } from '../shared/planner/plan.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { createEarlyExits, type EarlyExits } from './early-exits.ts';
import { createImageWriter, type ImageWriter } from './image-writer.ts';
import { createKeptTails, type KeptTails, maxTails } from './kept-tails.ts';
import { createSegments, type Segments } from './segments.ts';

/** A model that is ready to be run on this device. */
export interface LoadedModel {
  readonly package: ModelPackage;
  readonly shapes: TensorShapes;
  readonly description: ModelDescription;
  readonly shape: ModelShape;
  readonly segments: Segments;
  readonly keptTails: KeptTails;
  readonly earlyExits: EarlyExits;
  readonly images: ImageWriter;
  /** First 8 bytes of the digest, hexadecimal, as tensor frames carry it. */
  readonly shortDigest: string;
  close(): Promise<void>;
}

/** Sessions that one device keeps: whole branches, heads or tails of recent plans, what their fallbacks go on with. */
const maxSessions = 32 + maxTails;

/** Loads all whole branches, so that any of them can finish a frame at once. */
export async function loadModel(
  model: ModelPackage,
  processorFactor: number,
  clock: Pick<Clock, 'nowMs'>,
): Promise<LoadedModel> {
  const shapes = await traceShapes(model.graph);
  const description = describeModel(model.graph, shapes);
  const thread = startInferenceThread({ maxSessions });
  const segments = createSegments({ graph: model.graph, description, shapes, thread, processorFactor, clock });
  let longestMs = 0;
  for (const [index, { layers }] of description.branches.entries()) {
    const startMs = clock.nowMs();
    await segments.prepare({ exit: index + 1, partition: layers.length, direction: 'device-first' });
    longestMs = Math.max(longestMs, clock.nowMs() - startMs);
  }
  return {
    package: model,
    shapes,
    description,
    shape: modelShape(description, model.manifest),
    segments,
    images: await createImageWriter(model.manifest, clock),
    // No tail is larger than the whole branch that it is of.
    keptTails: createKeptTails({ segments, clock, loadMs: longestMs }),
    earlyExits: createEarlyExits({ description, manifest: model.manifest, segments }),
    shortDigest: model.manifest.digest.slice('sha256:'.length, 'sha256:'.length + 16),
    close: () => thread.close(),
  };
}
