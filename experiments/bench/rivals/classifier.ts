import { preprocess } from '../../../shared/adapters/images.ts';
import { startInferenceThread } from '../../../shared/adapters/inference-thread.ts';
import type { Frame } from '../../../shared/model/frame.ts';
import { extractSegment } from '../../../shared/model/split.ts';
import type { Tensors } from '../../../shared/model/tensor.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { OpenedModel } from '../../reproduce/models.ts';

/** How a rival sends an image: as the model's input, or as the pixels that it is made from. */
export const imageForms = ['f32', 'u8'] as const;
export type ImageForm = (typeof imageForms)[number];

/** The whole of a model's deepest exit in one inference thread, without any of the platform around it. */
export interface Classifier {
  /** @returns the label @throws {FleetError} `image-unreadable`, `inference-failed` */
  classify(form: ImageForm, bytes: Uint8Array): Promise<string>;
  /** Bytes that one image is sent as. */
  bytesOf(form: ImageForm): number;
  close(): Promise<void>;
}

export interface ClassifierOptions {
  model: OpenedModel;
  /** How many times slower a processor is emulated; 1: none. */
  processorFactor: number;
}

const key = 'whole';
/** As the platform times what it stretches. */
const timing = { warmUp: 3, runs: 15, gapMs: 2 };

export async function startClassifier({ model, processorFactor }: ClassifierOptions): Promise<Classifier> {
  const { manifest, graph } = model.package;
  const thread = startInferenceThread({ maxSessions: 1 });
  const deepest = model.description.branches.at(-1);
  const dims = [1, ...manifest.input.shape];
  const elements = dims.reduce((product, size) => product * size, 1);
  const inputs = (data: Float32Array): Tensors => ({ [manifest.input.name]: { data, dims } });
  await thread.load(key, extractSegment(graph, deepest?.exit ?? '', [0, deepest?.layers.length ?? 0], model.shapes));
  const ownMs = (await thread.measure(key, inputs(new Float32Array(elements)), timing)).minMs;
  const minimumMs = processorFactor > 1 ? processorFactor * ownMs : 0;

  const bytesOf = (form: ImageForm): number => (form === 'f32' ? elements * Float32Array.BYTES_PER_ELEMENT : elements);

  async function tensorOf(form: ImageForm, bytes: Uint8Array): Promise<Float32Array> {
    if (form === 'u8') return preprocess(frameOf(model, bytes), manifest.preprocessing);
    const data = new Float32Array(elements);
    new Uint8Array(data.buffer).set(bytes);
    return data;
  }

  return {
    async classify(form, bytes) {
      if (bytes.length !== bytesOf(form)) {
        throw new FleetError('image-unreadable', `${bytes.length} bytes are no image of ${bytesOf(form)} as ${form}`);
      }
      const { outputs } = await thread.run(key, inputs(await tensorOf(form, bytes)), { minimumMs });
      const scores = Object.values(outputs)[0]?.data ?? new Float32Array();
      const best = scores.reduce((top, value, index) => (value > (scores[top] ?? 0) ? index : top), 0);
      return manifest.labels[best] ?? `#${best}`;
    },
    bytesOf,
    close: () => thread.close(),
  };
}

/** @returns pixels as they are, of the size that the model takes */
function frameOf({ package: { manifest } }: OpenedModel, rgb: Uint8Array): Frame {
  const { width, height } = manifest.preprocessing.resize;
  return { rgb, width, height, name: 'pixels' };
}
