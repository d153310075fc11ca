import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPackage } from '../shared/model/model-package.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import type { FrameOutcome } from './frame-run.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import { sampleInput, startFrame as start } from './testing/start-frame.ts';

const plan: Plan = { exit: 5, partition: 8, direction: 'edge-first', encoding: 'f32' };
/** What exit 1 whole, exit 5 whole and the tail of the plan take on the device, ms. */
const [exit1Ms, exit5Ms, tailMs] = [20, 500, 50];
const deadlineMs = 200;
const marginMs = 5;
const report = { spreadUs: 0, spreadBytes: 0, queueUs: 1000, computeUs: 4000, totalUs: 5000 };

let model: LoadedModel;
let input: Tensor;

beforeAll(async () => {
  model = await loadModel(await readPackage(repositoryFile('models', 'branchy-alexnet-32')), 1, systemClock);
  await model.segments.prepare(plan);
  await model.segments.prepare({ ...plan, direction: 'device-first' });
  input = sampleInput(model);
});

afterAll(() => model.close());

/** A frame that came at 0 and is on its way to a worker; the clock stands still. */
function startFrame({ deadline = deadlineMs, replyMs = 0, afterMs = tailMs, deepMs = exit5Ms } = {}) {
  const started = start({
    model,
    input,
    plan,
    predictedMs: { device: afterMs, upload: replyMs },
    wholeMs: (exit) => (exit === 1 ? exit1Ms : deepMs),
    policy: { deadlineMs: deadline, marginMs, directions: ['device-first', 'edge-first'] },
  });
  const [request] = started.worker.requests;
  if (request === undefined) throw new Error('nothing was sent');
  return { ...started, request };
}

async function cutOfPlan(): Promise<Tensor[]> {
  return (await model.segments.run({ ...plan, direction: 'device-first' }, [input])).tensors;
}

async function outputOf(exit: number): Promise<Float32Array | undefined> {
  const partition = (model.shape.exits[exit - 1]?.cuts.length ?? 0) - 1;
  return (await model.segments.run({ exit, partition, direction: 'device-first' }, [input])).tensors[0]?.data;
}

async function expectOutput({ output }: FrameOutcome, exit: number): Promise<void> {
  const expected = await outputOf(exit);
  expect(output.length).toBe(expected?.length);
  expect(output.every((value, i) => Math.abs(value - (expected?.[i] ?? Number.NaN)) < 1e-4)).toBe(true);
}

describe('a frame run edge-first', () => {
  test('sends the input, runs the tail of the cut that comes back, and gives what the whole branch gives', async () => {
    const { worker, request, ended } = startFrame();
    expect(request.header).toMatchObject({ kind: 'request', exit: 5, partition: 8, direction: 'edge-first' });
    expect(request.tensors).toEqual([input]);
    worker.deliver(worker.answer(request, { tensors: await cutOfPlan() }));
    const outcome = await ended;
    expect(outcome).toMatchObject({ ...plan, finishedOn: 'device', fallback: null, heard: true });
    await expectOutput(outcome, 5);
  });

  test('tells the worker to be done while its tail still fits', () => {
    const { request } = startFrame();
    expect(request.header.timeLeftUs).toBe((deadlineMs - tailMs) * 1000);
  });

  test('tells upload and download apart, and the monitor too', async () => {
    const { clock, worker, monitor, request, ended } = startFrame();
    monitor.observeRtt({ elapsedMs: 0, report: request.header });
    const [first, ...others] = worker.answer(request, { tensors: await cutOfPlan(), report });
    if (first === undefined) throw new Error('an answer has no message');
    // Up in 10 ms, 5 ms at the worker, each of four chunks in 20 ms.
    clock.advance(10 + 5 + 20);
    worker.deliver([first]);
    for (const message of others) {
      clock.advance(20);
      worker.deliver([message]);
    }
    expect(others).toHaveLength(3);
    const { breakdownMs, uploadBytes } = await ended;
    expect(breakdownMs.upload).toBeCloseTo(10, 6);
    expect(breakdownMs.download).toBeCloseTo(80, 6);
    expect([breakdownMs.queue, breakdownMs.worker]).toEqual([1, 4]);
    const link = monitor.link();
    expect(link?.uplinkMbps).toBeCloseTo((uploadBytes * 8) / 10_000, 6);
    expect(link?.downlinkMbps).toBeLessThan((link?.uplinkMbps ?? 0) / 5);
  });

  test('is finished on the best exit that fits when no reply comes, as late as that allows and in time', async () => {
    const { clock, monitor, ended } = startFrame();
    let done = false;
    void ended.then(() => {
      done = true;
    });
    clock.advance(deadlineMs - exit1Ms - marginMs - 1);
    // What a local exit takes is real time: had one begun, this run behind it would end after it.
    await outputOf(1);
    expect(done).toBe(false);
    clock.advance(1);
    const outcome = await ended;
    expect(outcome).toMatchObject({ exit: 1, direction: 'device-first', encoding: 'f32', fallback: 'timeout' });
    expect(outcome.heard).toBe(false);
    await expectOutput(outcome, 1);
    expect(monitor.link()?.uplinkMbps).toBeGreaterThan(0);
  });

  test('is finished on a deep exit when no reply comes, where that takes but a twentieth of the deadline', async () => {
    // Each exit but the first takes 25 ms, and a fourth of it is left as room.
    const cheap = { deadline: 500, deepMs: 25 };
    const { clock, localExits, ended } = startFrame(cheap);
    clock.advance(cheap.deadline - 1.25 * cheap.deepMs - marginMs - 1);
    await outputOf(1);
    expect(localExits).toEqual([]);
    clock.advance(1);
    await outputOf(1);
    expect(localExits).toEqual([5]);
    const outcome = await ended;
    expect(outcome).toMatchObject({ exit: 5, direction: 'device-first', encoding: 'f32', fallback: 'timeout' });
    await expectOutput(outcome, 5);
  });

  test('does not use a reply whose tail no longer fits while a local exit does', async () => {
    const { clock, worker, monitor, request, ended } = startFrame();
    clock.advance(deadlineMs - tailMs - marginMs + 1);
    worker.deliver(worker.answer(request, { tensors: await cutOfPlan(), report }));
    const outcome = await ended;
    expect(outcome).toMatchObject({ exit: 1, finishedOn: 'device', fallback: 'timeout', heard: true });
    await expectOutput(outcome, 1);
    // What it tells of the link and of the worker is used.
    expect(monitor.drain()).toHaveLength(1);
    expect(outcome.unusedReport).toMatchObject(report);
  });

  test('hands on what a reply tells that comes while the local exit runs', async () => {
    const { clock, worker, monitor, request, ended } = startFrame();
    const reply = worker.answer(request, { tensors: await cutOfPlan(), report });
    clock.advance(deadlineMs - exit1Ms - marginMs);
    // The local exit has been handed to the inference thread, whose answer is still to come.
    worker.deliver(reply);
    const outcome = await ended;
    expect(outcome).toMatchObject({ exit: 1, finishedOn: 'device', fallback: 'timeout', heard: true });
    expect(outcome.unusedReport).toMatchObject(report);
    expect(monitor.drain()).toHaveLength(1);
  });

  test('uses a reply whose tail just fits', async () => {
    const { clock, worker, request, ended } = startFrame();
    clock.advance(deadlineMs - tailMs - marginMs);
    worker.deliver(worker.answer(request, { tensors: await cutOfPlan() }));
    expect(await ended).toMatchObject({ ...plan, fallback: null });
  });

  test('waits for the reply, past the deadline too, where the device alone would be later still', async () => {
    const late = { deadline: 10, replyMs: 12, afterMs: 3 };
    const { clock, worker, request, ended } = startFrame(late);
    // A quarter more than predicted, and the margin.
    expect(request.header.timeLeftUs).toBe((15 + marginMs) * 1000);
    clock.advance(15 + marginMs - 1);
    worker.deliver(worker.answer(request, { tensors: await cutOfPlan() }));
    expect(await ended).toMatchObject({ ...plan, fallback: null });
    const overdue = startFrame(late);
    overdue.clock.advance(15 + marginMs);
    expect(await overdue.ended).toMatchObject({ exit: 1, direction: 'device-first', fallback: 'timeout' });
  });

  test('does not wait where everything is too late and the device alone is the least late', async () => {
    const { ended, clock } = startFrame({ deadline: exit1Ms - 1, replyMs: exit1Ms, afterMs: 1 });
    clock.advance(0);
    expect(await ended).toMatchObject({ exit: 1, direction: 'device-first', fallback: 'timeout' });
  });

  test.each(['expired', 'overloaded', 'unavailable', 'invalid'] as const)(
    'is finished on the device at once when the worker answers "%s"',
    async (status) => {
      const { worker, request, ended } = startFrame();
      worker.deliver(worker.answer(request, { status }));
      expect(await ended).toMatchObject({ direction: 'device-first', finishedOn: 'device', fallback: status });
    },
  );

  test.each([
    ['another shape', () => [{ data: new Float32Array(12), dims: [3, 4] }]],
    ['one tensor too many', async () => [...(await cutOfPlan()), input]],
  ])('is finished on the device when the reply has %s', async (_what, tensors) => {
    const { worker, request, ended } = startFrame();
    worker.deliver(worker.answer(request, { tensors: await tensors() }));
    expect(await ended).toMatchObject({ direction: 'device-first', fallback: 'invalid' });
  });
});

test('a large reply of which a part has come by the end shows that the worker is there, and a slow downlink', async () => {
  const { clock, worker, monitor, request, ended } = startFrame();
  const [first] = worker.answer(request, { tensors: await cutOfPlan() });
  if (first === undefined) throw new Error('an answer has no message');
  clock.advance(20);
  worker.deliver([first]);
  clock.advance(deadlineMs);
  const outcome = await ended;
  expect(outcome).toMatchObject({ fallback: 'timeout', heard: true });
  // Nothing is held against the uplink.
  expect(monitor.link()).toBeUndefined();
  expect(monitor.downlinkAgeMs()).toBe(0);
});
