import { afterAll, beforeAll, expect, test } from 'vitest';
import { calibrationChains } from '../model/calibration-chains.ts';
import { calibrationModel } from '../model/calibration-model.ts';
import { describeModel } from '../model/describe-model.ts';
import { parseModel } from '../model/parse-model.ts';
import { fitLatencyModel } from '../planner/fit-latency-model.ts';
import { profileParser } from '../protocol/profile.ts';
import { calibrate } from './calibration.ts';
import { type InferenceThread, startInferenceThread } from './inference-thread.ts';
import { traceShapes } from './trace-shapes.ts';

let thread: InferenceThread;
beforeAll(() => {
  thread = startInferenceThread({ maxSessions: 4 });
});
afterAll(() => thread.close());

const about = { tier: 'device', hardwareClass: 'x64-test-1c', threads: 1, gapMs: 0 } as const;

test('a calibration is a profile with its model, ready to be fitted', async () => {
  const chains = calibrationChains.slice(12, 14);
  const profiled = await calibrate({ ...about, thread, chains });
  expect(profileParser.parse(profiled.profile)).toBe(profiled.profile);
  expect(profiled.profile.modelDigest).toBe(profiled.digest);
  const model = fitLatencyModel([profiled]);
  expect(Object.keys(model.alone).toSorted()).toEqual(['conv', 'fc', 'lrn', 'other', 'pool', 'relu']);
  expect(model.joint.callOverheadMs).toBeGreaterThan(0);
});

test('a calibration stops when it is told to', async () => {
  const stop = new AbortController();
  const running = calibrate({ ...about, thread, onProgress: () => stop.abort(), signal: stop.signal });
  await expect(running).rejects.toMatchObject({ code: 'inference-cancelled' });
});

test('the runtime runs every chain, and gives the shapes that its weights were made for', async () => {
  const graph = parseModel(calibrationModel());
  const { branches } = describeModel(graph, await traceShapes(graph));
  expect(branches).toHaveLength(calibrationChains.length);
  const declared = graph.model.graph?.output.map(({ type }) =>
    type?.tensorType?.shape?.dim.slice(1).map(({ value }) => Number(value.value)),
  );
  expect(branches.map(({ layers }) => layers.at(-1)?.outputShapes[0]?.slice(1))).toEqual(declared);
});
