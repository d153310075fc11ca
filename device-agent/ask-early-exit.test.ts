import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { preprocess } from '../shared/adapters/images.ts';
import { readFrames } from '../shared/adapters/read-frames.ts';
import { entropyOf } from '../shared/model/entropy.ts';
import { readPackage } from '../shared/model/model-package.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { dataFile, repositoryFile } from '../shared/testing/data-folder.ts';
import type { EarlyExit } from './early-exits.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import { type StartedFrame, sampleInput, startFrame } from './testing/start-frame.ts';

const images = dataFile('cifar10', 'test-1000.bin');
/** The second exit begins at this very cut … */
const atTheCut: Plan = { exit: 5, partition: 8, direction: 'device-first', encoding: 'f32' };
/** … and the fourth three layers before that one. */
const behind: Plan = { ...atTheCut, partition: 15 };
const anyLoss = { earlyExit: { accuracyLoss: 0.01 }, minimumAccuracy: 0 };
/** Of the head, of the rest of the plan, of any rest of a branch, and of the fastest whole branch. */
const [headMs, replyMs, sideMs, exit1Ms] = [100, 800, 50, 120];
const marginMs = 5;

let model: LoadedModel;

beforeAll(async () => {
  model = await loadModel(await readPackage(repositoryFile('models', 'branchy-alexnet-32')), 1, systemClock);
  for (const plan of [atTheCut, behind]) {
    await model.earlyExits.prepare(earlyOf(plan));
    await model.segments.prepare(plan);
  }
});

afterAll(() => model.close());

function earlyOf(plan: Plan, threshold?: number): EarlyExit {
  const early = model.earlyExits.of(anyLoss, { plan, accuracy: 0.89 });
  if (early === undefined) throw new Error('the head passes no exit');
  return threshold === undefined ? early : { ...early, threshold };
}

function start(plan: Plan, threshold: number, deadlineMs = 2000): StartedFrame {
  return startFrame({
    model,
    input: sampleInput(model),
    plan,
    predictedMs: { device: headMs, upload: replyMs },
    wholeMs: (exit) => exit * exit1Ms,
    restMs: () => sideMs,
    policy: { deadlineMs, marginMs },
    early: earlyOf(plan, threshold),
  });
}

async function wholeOutput(exit: number, input: Tensor): Promise<Float32Array> {
  const partition = model.description.branches[exit - 1]?.layers.length ?? 0;
  const run = await model.segments.run({ exit, partition, direction: 'device-first' }, [input]);
  return run.tensors[0]?.data ?? new Float32Array();
}

function expectAlike(given: Float32Array, expected: Float32Array): void {
  expect(given.length).toBe(expected.length);
  expect(given.every((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)) <= 1e-4)).toBe(true);
}

describe.each([
  ['begins at the cut', atTheCut, 2],
  ['begins before the cut', behind, 4],
] as const)('an exit that %s', (_, plan, exit) => {
  test('ends the frame where it is sure: its answer is that of its whole branch, and nothing is sent', async () => {
    const frame = start(plan, Number.MAX_VALUE);
    const outcome = await frame.ended;
    const { layers = [] } = model.description.branches[exit - 1] ?? {};
    expect(outcome).toMatchObject({ exit, partition: layers.length, finishedOn: 'device', fallback: null });
    expect(outcome).toMatchObject({ uploadBytes: 0, asked: { exit, confident: true } });
    expect(frame.worker.requests).toEqual([]);
    const expected = await wholeOutput(exit, sampleInput(model));
    expectAlike(outcome.output, expected);
    expect(outcome.asked?.entropy).toBeCloseTo(entropyOf(expected), 4);
    expect(outcome.runtimeMs.device).toBeGreaterThan(0);
  });

  test('leaves the frame to the plan where it is not sure, and the cut as the head gave it', async () => {
    const frame = start(plan, 0);
    const request = await frame.worker.firstRequest();
    const head = await model.segments.run(plan, [sampleInput(model)]);
    expectAlike(request.tensors[0]?.data ?? new Float32Array(), head.tensors[0]?.data ?? new Float32Array());
    frame.worker.deliver(
      frame.worker.answer(request, { tensors: [{ data: new Float32Array(10).fill(1), dims: [1, 10] }] }),
    );
    const outcome = await frame.ended;
    expect(outcome).toMatchObject({ ...plan, finishedOn: 'worker', asked: { exit, confident: false, threshold: 0 } });
    expect(outcome.uploadBytes).toBeGreaterThan(0);
  });
});

describe('the time that asking takes', () => {
  const neededMs = headMs + sideMs + replyMs + marginMs;

  test('must leave what the rest of the plan takes: with a millisecond less nothing is asked', async () => {
    const enough = start(atTheCut, Number.MAX_VALUE, neededMs);
    expect(await enough.ended).toMatchObject({ asked: { confident: true } });
    const short = start(atTheCut, Number.MAX_VALUE, neededMs - 1);
    const request = await short.worker.firstRequest();
    short.worker.deliver(short.worker.answer(request, { tensors: [{ data: new Float32Array(10), dims: [1, 10] }] }));
    const outcome = await short.ended;
    expect(outcome).toMatchObject({ finishedOn: 'worker' });
    expect(outcome.asked).toBeUndefined();
  });

  test('buys an answer: without a reply the frame ends on it in time, whatever else would take too long', async () => {
    const deadlineMs = neededMs + 1;
    const frame = start(behind, 0, deadlineMs);
    await frame.worker.firstRequest();
    const before = frame.continuations.length;
    // A timer may be so late: what the runs of the fastest exit have not shown yet.
    const roomMs = 10;
    frame.clock.advance(deadlineMs - headMs - roomMs - marginMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    frame.clock.advance(1);
    const outcome = await frame.ended;
    expect(outcome).toMatchObject({ exit: 4, fallback: 'timeout', finishedOn: 'device', continuedFrom: 12 });
    expect(outcome).toMatchObject({ asked: { exit: 4, confident: false } });
    expectAlike(outcome.output, await wholeOutput(4, sampleInput(model)));
    expect(frame.clock.nowMs()).toBe(deadlineMs - roomMs - marginMs);
    expect([frame.localExits, frame.continuations.length]).toEqual([[], before]);
    expect(outcome.breakdownMs.device).toBeGreaterThan(0);
  });

  test('does not keep a frame from a better exit that fits', async () => {
    const frame = start(behind, 0, 20 * 5 * exit1Ms);
    const request = await frame.worker.firstRequest();
    frame.worker.deliver(frame.worker.answer(request, { status: 'overloaded' }));
    expect(await frame.ended).toMatchObject({ exit: 5, fallback: 'overloaded', asked: { exit: 4, confident: false } });
  });
});

describe('what may be asked', () => {
  const of = (plan: Plan, policy: Parameters<LoadedModel['earlyExits']['of']>[0]) =>
    model.earlyExits.of(policy, { plan, accuracy: 0.89 });

  test('is nothing unless the policy allows it, and keeps its least accuracy', () => {
    expect(of(atTheCut, { ...anyLoss, earlyExit: null })).toBeUndefined();
    expect(of(atTheCut, { ...anyLoss, minimumAccuracy: 0.885 })).toBeUndefined();
    expect(of(atTheCut, { ...anyLoss, minimumAccuracy: 0.875 })).toBeDefined();
  });

  test('is nothing without thresholds for the loss, before the first exit, edge-first, and where nothing is sent', () => {
    expect(of(atTheCut, { ...anyLoss, earlyExit: { accuracyLoss: 0.001 } })).toBeUndefined();
    for (const change of [
      { partition: 3 },
      { partition: 0 },
      { partition: 21 },
      { direction: 'edge-first' as const },
    ]) {
      expect(of({ ...atTheCut, ...change }, anyLoss)).toBeUndefined();
    }
  });
});

describe.skipIf(images === undefined)('with real images', () => {
  test('a threshold for one point ends a good part of the frames on the device, and costs no more than a point', async () => {
    const { manifest } = model.package;
    const frames = await readFrames(images ?? '', manifest.labels, 500);
    const { head, side, threshold } = earlyOf(behind);
    const tail = { ...behind, direction: 'edge-first' as const };
    await model.segments.prepare(tail);
    let [sure, right, rightAlone] = [0, 0, 0];
    for (const frame of frames) {
      const data = await preprocess(frame, manifest.preprocessing);
      const run = await model.segments.run(head, [{ data, dims: [1, ...manifest.input.shape] }]);
      const [early] = (await model.segments.run(side, run.tapped)).tensors;
      const [deep] = (await model.segments.run(tail, run.tensors)).tensors;
      const isSure = early !== undefined && entropyOf(early.data) < threshold;
      sure += isSure ? 1 : 0;
      right += labelOf(isSure ? early : deep) === frame.label ? 1 : 0;
      rightAlone += labelOf(deep) === frame.label ? 1 : 0;
    }
    expect(sure / frames.length).toBeGreaterThan(0.5);
    expect(rightAlone / frames.length).toBeGreaterThan(0.8);
    expect((rightAlone - right) / frames.length).toBeLessThanOrEqual(0.01);
  });
});

function labelOf(output: Tensor | undefined): number | undefined {
  return output?.data.indexOf(Math.max(...output.data));
}
