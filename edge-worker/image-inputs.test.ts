import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeInput } from '../shared/adapters/image-encoding.ts';
import { preprocess } from '../shared/adapters/images.ts';
import type { ModelPackage } from '../shared/model/model-package.ts';
import { type ImageEncoding, imageEncodings } from '../shared/protocol/wire-encoding.ts';
import type { FakeDevice } from './testing/fake-device.ts';
import { createLocalRuns, type LocalRuns, readAlexNet, readResNet } from './testing/models.ts';
import { type Platform, startPlatform } from './testing/platform.ts';

let platform: Platform;
let device: FakeDevice;
let alexNet: ModelPackage;
let runs: LocalRuns;
/** Its manifest makes images of another size than its input has. */
let otherSize: Pick<ModelPackage, 'manifest' | 'bytes'>;

beforeAll(async () => {
  alexNet = await readAlexNet();
  runs = createLocalRuns(alexNet.graph);
  const { manifest, bytes } = await readResNet();
  const resize = { width: 16, height: 16, kernel: 'linear' } as const;
  otherSize = { manifest: { ...manifest, preprocessing: { ...manifest.preprocessing, resize } }, bytes };
  platform = await startPlatform([alexNet, otherSize]);
  await platform.startWorker('edge');
  const ready = platform.hear.reported('edge', ({ state }) => state === 'ready');
  await platform.desire('edge', { version: 1 });
  await ready;
  device = await platform.connectDevice('camera', 'edge');
});

afterAll(() => platform.close());

const dims = [1, 3, 32, 32];

async function inputOf(seed: number): Promise<Float32Array> {
  const rgb = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => 128 + 90 * Math.sin(seed + i / 200) + (i % 3) * 10);
  return preprocess({ rgb, width: 32, height: 32, name: 'waves' }, alexNet.manifest.preprocessing);
}

async function fileOf(input: Float32Array, encoding: ImageEncoding, quality = 100) {
  return { encoding, file: await encodeInput(input, alexNet.manifest.preprocessing, { encoding, quality }) };
}

function question(image: { encoding: ImageEncoding; file: Uint8Array }) {
  return { digest: alexNet.manifest.digest, exit: 5, partition: 0, tensors: [], image };
}

test.each(imageEncodings)('an input that came as %s has the label that its floats have', async (encoding) => {
  for (const seed of [1, 2, 3]) {
    const input = await inputOf(seed);
    const [expected] = await runs.run('exit5', [0, 21], [{ data: input, dims }]);
    const { header, tensors } = await device.ask(question(await fileOf(input, encoding)));
    expect(header).toMatchObject({ kind: 'reply', status: 'ok', encoding: 'f32', exit: 5, partition: 0 });
    expect(header.computeUs).toBeGreaterThan(0);
    expect(Math.abs(header.totalUs - header.computeUs - header.queueUs)).toBeLessThanOrEqual(1);
    const [scores, own] = [[...(tensors[0]?.data ?? [])], [...(expected?.data ?? [])]];
    expect(scores).toHaveLength(10);
    expect(scores.indexOf(Math.max(...scores))).toBe(own.indexOf(Math.max(...own)));
  }
});

test('images and floats of one segment are answered each with its own result, when many come at once', async () => {
  const input = await inputOf(4);
  const image = await fileOf(input, 'webp');
  const alone = await device.ask(question(image));
  const asFloats = { ...question(image), image: undefined, tensors: [{ data: input, dims }] };
  const { image: _, ...floats } = asFloats;
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => device.ask(i % 2 ? question(image) : floats)));
  for (const [i, { header, tensors }] of answers.entries()) {
    expect(header.status).toBe('ok');
    if (i % 2 === 0) continue;
    for (const [place, value] of (tensors[0]?.data ?? []).entries()) {
      expect(value).toBeCloseTo(alone.tensors[0]?.data[place] ?? Number.NaN, 3);
    }
  }
});

test('what is no image of the input’s format and size is "invalid", and the next request is served', async () => {
  const good = await fileOf(await inputOf(5), 'jpeg');
  const other = { ...alexNet.manifest.preprocessing, resize: { width: 16, height: 64, kernel: 'linear' as const } };
  const file = await encodeInput(await inputOf(5), other, { encoding: 'jpeg', quality: 90 });
  const cases = [
    { encoding: 'jpeg', file },
    { encoding: 'webp', file: good.file },
    { encoding: 'jpeg', file: good.file.subarray(0, good.file.length / 2) },
    { encoding: 'jpeg', file: new Uint8Array(4 * 3 * 32 * 32 + 1) },
    { encoding: 'jpeg', file: new Uint8Array(0) },
  ] as const;
  for (const image of cases) {
    expect((await device.ask(question(image))).header).toMatchObject({ status: 'invalid', computeUs: 0 });
  }
  expect((await device.ask(question(good))).header.status).toBe('ok');
});

test('an image for a model that takes none is "invalid"', async () => {
  const image = await fileOf(await inputOf(6), 'jpeg');
  const answer = await device.ask({ ...question(image), digest: otherSize.manifest.digest, exit: 1 });
  expect(answer.header.status).toBe('invalid');
});

test('beyond the images that may be in decoding a request is "overloaded", and every one is answered', async () => {
  await platform.startWorker('narrow', { maxImageDecodes: 1 });
  const ready = platform.hear.reported('narrow', ({ state }) => state === 'ready');
  await platform.desire('narrow', { version: 1 });
  await ready;
  const crowd = await platform.connectDevice('crowd', 'narrow');
  const image = await fileOf(await inputOf(7), 'webp');
  const answers = await Promise.all(Array.from({ length: 60 }, () => crowd.ask(question(image))));
  const statuses = new Set(answers.map(({ header }) => header.status));
  expect(statuses).toContain('ok');
  expect(statuses).toContain('overloaded');
});
