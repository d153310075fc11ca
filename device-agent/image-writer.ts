import { decodeInput, encodeInput } from '../shared/adapters/image-encoding.ts';
import type { Manifest } from '../shared/model/manifest.ts';
import type { ImageCodecMs } from '../shared/planner/predict.ts';
import { type ImageEncoding, imageEncodings } from '../shared/protocol/wire-encoding.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import { median } from '../shared/runtime/statistics.ts';

/** Writes inputs of one model as image files, in the formats that its manifest has measured. */
export interface ImageWriter {
  /** What this machine takes for one, measured when the model was loaded. */
  readonly codecMs: ImageCodecMs;
  /** @throws {FleetError} `image-invalid`, also for a format of which the manifest says nothing */
  write(input: Float32Array, encoding: ImageEncoding): Promise<Uint8Array>;
}

type Images = Pick<Manifest, 'input' | 'preprocessing' | 'imageEncodings'>;

export async function createImageWriter(
  { input, preprocessing, imageEncodings: measured }: Images,
  clock: Pick<Clock, 'nowMs'>,
): Promise<ImageWriter> {
  async function write(values: Float32Array, encoding: ImageEncoding): Promise<Uint8Array> {
    const format = measured?.[encoding];
    if (format === undefined) throw new FleetError('image-invalid', `the manifest says nothing of ${encoding}`);
    return encodeInput(values, preprocessing, { encoding, quality: format.quality });
  }

  const sample = sampleInput(input.shape);
  const codecMs: Partial<Record<ImageEncoding, { encodeMs: number; decodeMs: number }>> = {};
  for (const encoding of imageEncodings) {
    if (measured?.[encoding] === undefined) continue;
    const file = await write(sample, encoding);
    codecMs[encoding] = {
      encodeMs: await medianMs(clock, () => write(sample, encoding)),
      decodeMs: await medianMs(clock, () => decodeInput(file, encoding, preprocessing)),
    };
  }
  return { codecMs, write };
}

const runs = 15;
/** The first runs load the library. */
const warmUpRuns = 5;

async function medianMs(clock: Pick<Clock, 'nowMs'>, run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    const startMs = clock.nowMs();
    await run();
    times.push(clock.nowMs() - startMs);
  }
  return median(times.slice(warmUpRuns));
}

/** Waves, which take about as many bytes as a photograph. */
function sampleInput(shape: readonly number[]): Float32Array {
  const elements = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: elements }, (_, i) => Math.sin(i / 9) + Math.sin(i / 700));
}
