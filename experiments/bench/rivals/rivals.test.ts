import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawFrame } from '../../../device-agent/sources/synthetic-frame.ts';
import { preprocess } from '../../../shared/adapters/images.ts';
import { type OpenedModel, openModel } from '../../reproduce/models.ts';
import { type Classifier, startClassifier } from './classifier.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';
import { type HttpRival, startHttpRival } from './http-server.ts';

const host = '127.0.0.1';
let model: OpenedModel;
let classifier: Classifier;
let server: HttpRival;
let client: HttpClient;

beforeAll(async () => {
  model = await openModel('branchy-alexnet-32');
  classifier = await startClassifier({ model, processorFactor: 1 });
  server = await startHttpRival(host, classifier);
  client = createHttpClient(host, server.port);
});

afterAll(async () => {
  client.close();
  await server.close();
  await classifier.close();
});

async function images(): Promise<{ f32: Uint8Array; u8: Uint8Array }[]> {
  const { preprocessing } = model.package.manifest;
  const draw = drawFrame(preprocessing.resize);
  return Promise.all(
    [0, 20, 40].map(async (number) => {
      const frame = draw(number);
      return { f32: new Uint8Array((await preprocess(frame, preprocessing)).buffer), u8: frame.rgb };
    }),
  );
}

describe('an image uploaded by HTTP', () => {
  test('gets the same label as pixels and as the model’s input, and as without a network', async () => {
    for (const { f32, u8 } of await images()) {
      const label = await classifier.classify('f32', f32);
      expect(model.package.manifest.labels).toContain(label);
      expect(await client.classify('f32', f32)).toBe(JSON.stringify({ label }));
      expect(await client.classify('u8', u8)).toBe(JSON.stringify({ label }));
    }
  });

  test('is refused where it is of another size', async () => {
    await expect(client.classify('u8', new Uint8Array(10))).rejects.toMatchObject({ code: 'http-failed' });
  });
});

test('an emulated processor is as much slower as was asked', async () => {
  const slow = await startClassifier({ model, processorFactor: 30 });
  try {
    const [image] = await images();
    const startMs = performance.now();
    await slow.classify('f32', image?.f32 ?? new Uint8Array());
    const slowMs = performance.now() - startMs;
    expect(slowMs).toBeGreaterThan(15);
  } finally {
    await slow.close();
  }
});
