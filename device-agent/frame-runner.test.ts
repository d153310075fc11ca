import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPackage } from '../shared/model/model-package.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import type { DevicePart } from './segments.ts';
import { type StartedFrame, sampleInput, startFrame } from './testing/start-frame.ts';

const plan: Plan = { exit: 5, partition: 8, direction: 'device-first', encoding: 'f32' };
/** Of the plan: 1 s of head, and the reply is there 0.8 s after it. */
const [headMs, replyMs] = [1000, 800];
const marginMs = 5;

let model: LoadedModel;

beforeAll(async () => {
  model = await loadModel(await readPackage(repositoryFile('models', 'branchy-alexnet-32')), 1, systemClock);
  await model.segments.prepare(plan);
});

afterAll(() => model.close());

interface Times {
  deadlineMs: number;
  exit1Ms: number;
  slowestMs?: number;
  preprocessMs?: number;
  threadFree?: Promise<void>;
  unloaded?: number[];
  restMs?: (exit: number) => number;
}

/** A frame whose head has run and whose cut is on its way: the clock stands at `headMs`. */
async function startOffloaded(times: Times) {
  const { deadlineMs, exit1Ms, slowestMs = 0, preprocessMs = 0, threadFree, unloaded = [], restMs = () => 0 } = times;
  const frame = startFrame({
    model,
    input: sampleInput(model),
    plan,
    predictedMs: { device: headMs, upload: replyMs },
    wholeMs: (exit) => exit * exit1Ms,
    restMs,
    slowestMs,
    preprocessMs,
    unloaded,
    ...(threadFree && { threadFree }),
    policy: { deadlineMs, marginMs },
  });
  const request = await frame.worker.firstRequest();
  return { ...frame, request };
}

/** Left for what the first runs of the fastest exit have not shown yet. */
const roomMs = 10;

/** Lets happen what follows from what was just done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function reply({ worker, request }: StartedFrame & { request: Parameters<StartedFrame['worker']['answer']>[0] }): void {
  worker.deliver(worker.answer(request, { tensors: [{ data: new Float32Array(10), dims: [1, 10] }] }));
}

describe('a frame that is late whatever is done', () => {
  const late = { deadlineMs: 1000, exit1Ms: 1200 };
  /** A quarter more than predicted, and the margin. */
  const overdueMs = 1.25 * replyMs + marginMs;

  test('is answered by the reply that comes as predicted, and by nothing that is later', async () => {
    const frame = await startOffloaded(late);
    frame.clock.advance(replyMs);
    reply(frame);
    expect(await frame.ended).toMatchObject({ ...plan, finishedOn: 'worker', fallback: null });
    expect(frame.localExits).toEqual([]);
  });

  test('leaves the worker the time that it has', async () => {
    const { request } = await startOffloaded(late);
    expect(request.header.timeLeftUs).toBe((overdueMs + late.exit1Ms + roomMs) * 1000);
  });

  test('is finished on the fastest exit when the reply is overdue', async () => {
    const frame = await startOffloaded(late);
    frame.clock.advance(overdueMs - 1);
    await settled();
    expect(frame.localExits).toEqual([]);
    frame.clock.advance(1);
    expect(await frame.ended).toMatchObject({ exit: 1, finishedOn: 'device', fallback: 'timeout' });
  });

  test('is finished on the fastest exit at once where that ends before the reply should be there', async () => {
    const frame = await startOffloaded({ deadlineMs: 1000, exit1Ms: replyMs - 1 });
    frame.clock.advance(0);
    expect(await frame.ended).toMatchObject({ exit: 1, finishedOn: 'device', fallback: 'timeout' });
  });
});

describe('a frame that a local exit can still save', () => {
  test('is finished on it in time, however soon the reply should come', async () => {
    const [deadlineMs, exit1Ms] = [2220, 1200];
    const frame = await startOffloaded({ deadlineMs, exit1Ms });
    expect(frame.request.header.timeLeftUs).toBe((deadlineMs - headMs) * 1000);
    frame.clock.advance(deadlineMs - headMs - exit1Ms - roomMs - marginMs - 1);
    await settled();
    expect(frame.localExits).toEqual([]);
    frame.clock.advance(1);
    await settled();
    expect(frame.localExits).toEqual([1]);
    expect(await frame.ended).toMatchObject({ exit: 1, finishedOn: 'device', fallback: 'timeout' });
  });

  test('is finished on it at once where its slowest runs would be too late, and its usual ones would not', async () => {
    const frame = await startOffloaded({ deadlineMs: 1700, exit1Ms: 600, slowestMs: 900 });
    frame.clock.advance(0);
    expect(await frame.ended).toMatchObject({ exit: 1, finishedOn: 'device', fallback: 'timeout' });
  });

  test('is answered by a reply that comes before the thread is free, and its local exit is withdrawn', async () => {
    let freeThread = (): void => undefined;
    const threadFree = new Promise<void>((resolve) => {
      freeThread = resolve;
    });
    const frame = await startOffloaded({ deadlineMs: 2220, exit1Ms: 1200, threadFree });
    frame.clock.advance(2220 - headMs - 1200 - roomMs - marginMs);
    await settled();
    reply(frame);
    expect(await frame.ended).toMatchObject({ ...plan, finishedOn: 'worker', fallback: null });
    expect(frame.localExits).toEqual([1]);
    freeThread();
    await expect(frame.localRuns[0]).rejects.toMatchObject({ code: 'inference-cancelled' });
  });

  test('counts what was spent on its input once', async () => {
    const preprocessMs = 100_000;
    const frame = await startOffloaded({ deadlineMs: 2200, exit1Ms: 1200, preprocessMs });
    frame.clock.advance(0);
    const { breakdownMs } = await frame.ended;
    expect(breakdownMs.device).toBeGreaterThan(preprocessMs);
    expect(breakdownMs.device).toBeLessThan(2 * preprocessMs);
  });

  test('is begun at once when nothing but the margin is missing', async () => {
    const frame = await startOffloaded({ deadlineMs: 2200, exit1Ms: 1200 });
    frame.clock.advance(0);
    expect(await frame.ended).toMatchObject({ exit: 1, finishedOn: 'device', fallback: 'timeout' });
  });
});

describe('a frame of which a deeper exit takes but a twentieth of the deadline', () => {
  /** Exit i takes i × 20 ms: the deepest of five just a twentieth, and there is room for a fourth of it, 10 ms at most. */
  const cheap = { deadlineMs: 2000, exit1Ms: 20 };
  const deepestMs = 5 * cheap.exit1Ms;

  /** Lets the clock come to where a local exit that takes so long is due. */
  async function advanceTo(frame: StartedFrame, reserveMs: number, deadlineMs = cheap.deadlineMs): Promise<void> {
    frame.clock.advance(deadlineMs - headMs - reserveMs - marginMs - 1);
    await settled();
    expect(frame.localExits).toEqual([]);
    frame.clock.advance(1);
    await settled();
  }

  test('is finished on that exit in time when no reply comes', async () => {
    const frame = await startOffloaded(cheap);
    await advanceTo(frame, deepestMs + roomMs);
    expect(frame.localExits).toEqual([5]);
    expect(await frame.ended).toMatchObject({ exit: 5, finishedOn: 'device', fallback: 'timeout' });
  });

  test('uses a reply that comes while that exit runs', async () => {
    const frame = await startOffloaded(cheap);
    frame.clock.advance(cheap.deadlineMs - headMs - deepestMs - roomMs - marginMs);
    // What a local exit takes is real time: no later than this the reply is first for certain.
    reply(frame);
    expect(await frame.ended).toMatchObject({ ...plan, finishedOn: 'worker', fallback: null });
    expect(frame.localExits).toEqual([5]);
  });

  test('is finished on the next one where the deepest takes more than that', async () => {
    const deadlineMs = cheap.deadlineMs - 1;
    const frame = await startOffloaded({ ...cheap, deadlineMs });
    await advanceTo(frame, 4 * cheap.exit1Ms + roomMs, deadlineMs);
    expect(frame.localExits).toEqual([4]);
    await frame.ended;
  });

  test('is finished on the deepest one that is loaded', async () => {
    const frame = await startOffloaded({ ...cheap, unloaded: [4, 5] });
    await advanceTo(frame, 3 * cheap.exit1Ms + roomMs);
    expect(frame.localExits).toEqual([3]);
    await frame.ended;
  });

  test('is finished on the fastest where the device runs so slowly now that nothing else is cheap', async () => {
    const slowestMs = 110;
    const frame = await startOffloaded({ ...cheap, slowestMs });
    await advanceTo(frame, slowestMs + roomMs);
    expect(frame.localExits).toEqual([1]);
    await frame.ended;
  });

  test('is finished on the fastest where the timer is so late that the deeper one would be too late', async () => {
    const frame = await startOffloaded(cheap);
    frame.clock.advance(cheap.deadlineMs - headMs - cheap.exit1Ms - marginMs);
    await settled();
    expect(frame.localExits).toEqual([1]);
    await frame.ended;
  });
});

describe('a frame whose cut can be gone on from', () => {
  /** Exit 5 takes 600 ms whole and 90 ms behind the cut, exit 1 takes 120 ms: none is cheap. */
  const times = { deadlineMs: 1500, exit1Ms: 120, restMs: (exit: number) => 18 * exit };
  const restOf = (exit: number): DevicePart => ({ exit, partition: plan.partition, direction: 'edge-first' });

  /** Runs the test with what goes on from the cut to these exits loaded. */
  async function withRests(exits: readonly number[], run: () => Promise<void>): Promise<void> {
    for (const exit of exits) await model.segments.prepare(restOf(exit));
    try {
      await run();
    } finally {
      for (const exit of exits) await model.segments.release(restOf(exit));
    }
  }

  async function wholeOutput(exit: number): Promise<Float32Array> {
    const partition = model.description.branches[exit - 1]?.layers.length ?? 0;
    const run = await model.segments.run({ exit, partition, direction: 'device-first' }, [sampleInput(model)]);
    return run.tensors[0]?.data ?? new Float32Array();
  }

  test('ends on the plan’s own exit without its first layers, as whole and in time, though the whole branch no longer fits', () =>
    withRests([5], async () => {
      const frame = await startOffloaded(times);
      const restMs = times.restMs(5);
      // No later than where the fastest whole branch would have had to begin, the reply is still waited for.
      frame.clock.advance(times.deadlineMs - headMs - times.exit1Ms - roomMs - marginMs);
      await settled();
      expect(frame.continuations).toEqual([]);
      frame.clock.advance(times.exit1Ms - restMs);
      const outcome = await frame.ended;
      expect(outcome).toMatchObject({ exit: 5, partition: 21, finishedOn: 'device', fallback: 'timeout' });
      expect(outcome.continuedFrom).toBe(plan.partition);
      expect([frame.localExits, frame.continuations]).toEqual([[], [restOf(5)]]);
      expect(times.deadlineMs - frame.clock.nowMs()).toBeGreaterThanOrEqual(restMs + marginMs);
      const expected = await wholeOutput(5);
      expect(outcome.output.length).toBe(expected.length);
      expect(outcome.output.every((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)) <= 1e-5)).toBe(true);
      const flops = model.description.branches[4]?.layers.map((layer) => layer.flops) ?? [];
      const sum = (list: number[]): number => list.reduce((total, count) => total + count, 0);
      expect(sum(flops.slice(plan.partition))).toBeLessThan(0.85 * sum(flops));
      // What was sent is still what the head gave.
      expect(frame.request.tensors[0]?.data.some((value) => value !== 0)).toBe(true);
    }));

  test('ends on a shallower exit that shares the cut where the deeper one no longer fits', () =>
    withRests([2, 5], async () => {
      const frame = await startOffloaded({ ...times, deadlineMs: headMs + times.restMs(5) + marginMs - 1 });
      frame.clock.advance(times.restMs(5) - times.restMs(2) - roomMs);
      const outcome = await frame.ended;
      expect(outcome).toMatchObject({ exit: 2, partition: 16, fallback: 'timeout', continuedFrom: plan.partition });
      const expected = await wholeOutput(2);
      expect(outcome.output.every((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)) <= 1e-5)).toBe(true);
    }));

  test('ends on a whole branch where that is better and fits, and where nothing that goes on is loaded', async () => {
    await withRests([2], async () => {
      const frame = await startOffloaded({ deadlineMs: 4000, exit1Ms: 120, restMs: times.restMs });
      frame.worker.deliver(frame.worker.answer(frame.request, { status: 'overloaded' }));
      const outcome = await frame.ended;
      expect(outcome).toMatchObject({ exit: 5, fallback: 'overloaded' });
      expect(outcome.continuedFrom).toBeUndefined();
    });
    const frame = await startOffloaded(times);
    frame.clock.advance(times.deadlineMs - headMs - times.exit1Ms - roomMs - marginMs);
    expect(await frame.ended).toMatchObject({ exit: 1, fallback: 'timeout' });
    expect(frame.continuations).toEqual([]);
  });

  test('is answered by a reply that comes before the thread has begun to go on', () =>
    withRests([5], async () => {
      const frame = await startOffloaded(times);
      frame.clock.advance(times.deadlineMs - headMs - times.restMs(5) - roomMs - marginMs);
      reply(frame);
      expect(await frame.ended).toMatchObject({ ...plan, finishedOn: 'worker', fallback: null });
      expect(frame.continuations).toEqual([restOf(5)]);
    }));
});

describe('a frame whose cut is stuck on the way', () => {
  const stuckExit1Ms = 1200;
  /** 64 KiB of floats, in four messages of which the link of these tests takes two at once. */
  const largeCut: Plan = { exit: 5, partition: 5, direction: 'device-first', encoding: 'f32' };

  /** Sends as much of it as the link takes before the broker gives a sign. */
  async function startStuck(deadlineMs: number, threadFree = Promise.resolve()) {
    await model.segments.prepare(largeCut);
    const frame = startFrame({
      model,
      input: sampleInput(model),
      plan: largeCut,
      predictedMs: { device: headMs, upload: replyMs },
      wholeMs: (exit) => exit * stuckExit1Ms,
      policy: { deadlineMs, marginMs },
      threadFree,
    });
    const { underWay } = frame.worker.connection;
    frame.worker.stall();
    while (underWay.bytes() === 0) await settled();
    const sentBytes = underWay.published();
    expect(sentBytes).toBeGreaterThan(2 * 16_384);
    expect(sentBytes).toBeLessThan(3 * 16_384);
    const waitedMs = deadlineMs - headMs - stuckExit1Ms - roomMs - marginMs;
    frame.clock.advance(waitedMs);
    await settled();
    underWay.wasRead(sentBytes);
    return { frame, underWay, sentBytes, waitedMs };
  }

  test('is not sent further when its local exit is due and the rest could not arrive in time', async () => {
    const { frame, underWay, sentBytes, waitedMs } = await startStuck(3220);
    expect(await frame.ended).toMatchObject({ finishedOn: 'device', fallback: 'timeout', uploadBytes: sentBytes });
    expect(underWay.published()).toBe(sentBytes);
    expect(frame.worker.requests).toEqual([]);
    // All that can have come through by then, in the time from its sending.
    expect(frame.monitor.link()?.uplinkMbps).toBeCloseTo((sentBytes * 8) / 1000 / (waitedMs - 1), 1);
  });

  test('is sent on where the local exit is due so soon that nothing could have arrived yet', async () => {
    let free = (): void => undefined;
    const threadFree = new Promise<void>((resolve) => {
      free = resolve;
    });
    const { frame, underWay, sentBytes } = await startStuck(2220, threadFree);
    expect(underWay.published()).toBeGreaterThan(sentBytes);
    free();
    await frame.ended;
  });
});
