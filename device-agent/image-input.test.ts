import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeInput } from '../shared/adapters/image-encoding.ts';
import { type ModelPackage, readPackage } from '../shared/model/model-package.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import { sampleInput, startFrame } from './testing/start-frame.ts';

const plan = { exit: 5, partition: 0, direction: 'device-first', encoding: 'jpeg' } as const satisfies Plan;

let package_: ModelPackage;
let model: LoadedModel;

beforeAll(async () => {
  package_ = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
  model = await loadModel(package_, 1, systemClock);
});

afterAll(() => model.close());

function started() {
  const policy = { deadlineMs: 1000, marginMs: 5 };
  return startFrame({
    model,
    input: sampleInput(model),
    plan,
    predictedMs: { upload: 50 },
    wholeMs: () => 100,
    policy,
  });
}

test('a frame whose plan says so sends its input as an image, in the quality of the manifest', async () => {
  const frame = started();
  const request = await frame.worker.firstRequest();
  expect(request).toMatchObject({ header: { ...plan, kind: 'request', tensorCount: 1 }, tensors: [] });
  const image = request.image ?? new Uint8Array();
  const { preprocessing } = model.package.manifest;
  expect(await decodeInput(image, 'jpeg', preprocessing)).toHaveLength(3 * 32 * 32);
  expect(image).toEqual(new Uint8Array(await model.images.write(sampleInput(model).data, 'jpeg')));
  frame.worker.deliver(
    frame.worker.answer(request, { tensors: [{ data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 0), dims: [1, 10] }] }),
  );
  const outcome = await frame.ended;
  expect(outcome).toMatchObject({ ...plan, finishedOn: 'worker', fallback: null });
  expect(outcome.uploadBytes).toBeGreaterThan(image.length);
  expect(frame.localExits).toEqual([]);
});

test('it falls back on a local exit where the worker refuses the image', async () => {
  const frame = started();
  frame.worker.deliver(frame.worker.answer(await frame.worker.firstRequest(), { status: 'invalid' }));
  expect(await frame.ended).toMatchObject({ finishedOn: 'device', fallback: 'invalid' });
});

test('what a format takes is measured for those of the manifest alone, and no other is written', async () => {
  expect(Object.keys(model.images.codecMs).sort()).toEqual(['jpeg', 'webp']);
  for (const { encodeMs, decodeMs } of Object.values(model.images.codecMs)) {
    expect(encodeMs).toBeGreaterThan(0);
    expect(decodeMs).toBeGreaterThan(0);
  }
  const { imageEncodings: _, ...manifest } = package_.manifest;
  const without = await loadModel({ ...package_, manifest }, 1, systemClock);
  expect(without.images.codecMs).toEqual({});
  await expect(without.images.write(sampleInput(model).data, 'jpeg')).rejects.toMatchObject({ code: 'image-invalid' });
  await without.close();
});
