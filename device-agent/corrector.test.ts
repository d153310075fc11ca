import { describe, expect, test } from 'vitest';
import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import type { Breakdown, Plan } from '../shared/planner/plan.ts';
import { type PlanningInput, predict } from '../shared/planner/predict.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import { type DeviceConfiguration, type Drift, deviceConfigurationParser } from '../shared/protocol/messages.ts';
import { statesOf } from '../shared/testing/bandwidth-states.ts';
import { planningInput, type SmallExit } from '../shared/testing/planning-input.ts';
import { configuration as typical } from '../shared/testing/typical-messages.ts';
import { type Corrector, createCorrector, type RanFrame } from './corrector.ts';
import type { FrameOutcome } from './frame-run.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const input = planningInput([shallow, deep], { deadlineMs: 65 });
const plan: Plan = { exit: 2, partition: 1, direction: 'device-first', encoding: 'f32' };
const pushed = mapOf(input);
const preprocessMs = 7;
/** Spent between the parts. */
const handlingMs = 2;

function mapOf(planning: PlanningInput): ConfigurationMap {
  const result = buildConfigurationMap({ input: planning, states: statesOf([0.25, 2, 20]), revision: 'r1' });
  if (result.kind === 'no-plan') throw new Error(result.reason);
  return result.map;
}

function configurationOf(change: Partial<DeviceConfiguration> = {}): DeviceConfiguration {
  const parsed = deviceConfigurationParser.parse(typical);
  return { ...parsed, policy: { ...input.policy, configurator: 'dynamic' }, map: pushed, ...change };
}

const configuration = configurationOf();

/** A frame of the plan whose parts took as many times longer as is said, and waited so long at the worker. */
function frame(times: { device?: number; worker?: number }, change: Partial<FrameOutcome> = {}): RanFrame {
  const prediction = predict(input, plan);
  if (prediction === undefined) throw new Error('no such plan');
  const { breakdownMs, uploadBytes } = prediction;
  const measured: Breakdown = {
    ...breakdownMs,
    device: breakdownMs.device * (times.device ?? 1) + preprocessMs,
    worker: breakdownMs.worker * (times.worker ?? 1),
  };
  const total = Object.values(measured).reduce((sum, ms) => sum + ms, 0);
  return {
    configuration,
    input,
    plans: input.plans,
    segment: 'head',
    preprocessMs,
    elapsedMs: total + handlingMs,
    decision: {
      candidate: { plan, prediction, accuracy: 0.8 },
      runnerUp: null,
      wanted: undefined,
      planned: 'best',
      dynamic: undefined,
    },
    outcome: {
      output: new Float32Array(10),
      ...plan,
      heard: true,
      finishedOn: 'worker',
      fallback: null,
      breakdownMs: measured,
      runtimeMs: { device: 0, worker: 0 },
      uploadBytes,
      ...change,
    },
  };
}

function learn(corrector: Corrector, frames: number, ran: RanFrame): void {
  for (let i = 0; i < frames; i += 1) corrector.learn(ran);
}

const ignore = (): void => undefined;

describe('a corrector', () => {
  test('knows a slow worker after ten frames, and leaves the time before the plan out', () => {
    const corrector = createCorrector(ignore);
    learn(corrector, 10, frame({ worker: 3 }));
    const { device, worker } = corrector.factors(configuration);
    expect(worker).toBeGreaterThan(2.7);
    expect(device).toBeCloseTo(1, 9);
  });

  test('takes an early exit that was asked for no part of the plan, and one that answered for no fast worker', () => {
    const asked = { exit: 1, confident: false, entropy: 1, threshold: 0.5, ms: 30 };
    const corrector = createCorrector(ignore);
    const plain = frame({});
    const { breakdownMs } = plain.outcome;
    const withAsking = { ...breakdownMs, device: breakdownMs.device + asked.ms };
    const slower = { ...plain, elapsedMs: plain.elapsedMs + asked.ms };
    learn(corrector, 10, { ...slower, outcome: { ...plain.outcome, breakdownMs: withAsking, asked } });
    const ended = { ...withAsking, encode: 0, upload: 0, queue: 0, worker: 0, download: 0 };
    const elapsedMs = ended.device + handlingMs;
    const outcome = { ...plain.outcome, breakdownMs: ended, asked: { ...asked, confident: true } };
    learn(corrector, 10, { ...plain, elapsedMs, outcome });
    const { device, worker } = corrector.factors(configuration);
    expect([device, worker]).toEqual([expect.closeTo(1, 9), expect.closeTo(1, 9)]);
    expect(corrector.frameMs()).toBeCloseTo(preprocessMs + handlingMs, 6);
  });

  test('knows what frames take besides their plans, and does not take it for a slow device', () => {
    const corrector = createCorrector(ignore);
    learn(corrector, 12, frame({}));
    expect(corrector.frameMs()).toBeCloseTo(preprocessMs + handlingMs, 9);
    const known = { ...input, frameMs: corrector.frameMs() };
    learn(corrector, 12, { ...frame({}), input: known });
    expect(corrector.factors(configuration).device).toBeCloseTo(1, 9);
    learn(corrector, 12, { ...frame({}, { fallback: 'timeout' }), elapsedMs: 500 });
    expect(corrector.frameMs()).toBeCloseTo(preprocessMs + handlingMs, 9);
  });

  test('compares with the tables, not with what was corrected already', () => {
    const corrector = createCorrector(ignore);
    const corrected = { ...input, correction: { device: 2, worker: 2 } };
    learn(corrector, 30, { ...frame({ device: 2, worker: 2 }), input: corrected });
    expect(corrector.factors(configuration).device).toBeCloseTo(2, 2);
  });

  test('knows how far the device’s times go beyond what is predicted, corrections and waits left out', () => {
    const corrector = createCorrector(ignore);
    expect(corrector.deviceSpread()).toBe(1);
    const corrected = { ...input, correction: { device: 2, worker: 1 }, busyMs: 40 };
    learn(corrector, 10, { ...frame({ device: 2 }), input: corrected });
    expect(corrector.deviceSpread()).toBe(1);
    expect(corrector.factors(configuration).device).toBeCloseTo(2, 9);
    learn(corrector, 11, { ...frame({ device: 3 }), input: corrected });
    // The head of 20 ms took 60 instead of 40, half a millisecond of which any thread may be late by.
    expect(corrector.deviceSpread()).toBeCloseTo(59.5 / 40, 9);
    expect(corrector.factors(configurationOf({ deviceProfile: null })).device).toBe(1);
    expect(corrector.deviceSpread()).toBe(1);
  });

  test('knows it from rehearsals where frames leave nothing to the device', () => {
    const corrector = createCorrector(ignore);
    const rehearse = (computeMs: number): void => corrector.learnRehearsal({ exit: 1, segment: 'whole', computeMs });
    rehearse(15.5);
    corrector.learn(frame({}, { fallback: 'timeout' }));
    for (const computeMs of [10, 10, 10, 10, 10, 15.5]) rehearse(computeMs);
    expect(corrector.deviceSpread()).toBeGreaterThan(1.4);
    expect(corrector.deviceSpread()).toBeLessThanOrEqual(1.5);
  });

  test('plans with what single segments are off by, and tells it', () => {
    const corrector = createCorrector(ignore);
    const segmentOf = (each: Plan): string =>
      each.exit === 2 && each.partition === 1 && each.direction === 'device-first'
        ? 'head'
        : `${each.exit} ${each.partition} ${each.direction}`;
    expect(corrector.plansFor(input.plans, segmentOf)).toMatchObject({ segmentFactors: [] });
    learn(corrector, 8, frame({ device: 1.5 }));
    for (let i = 0; i < 8; i += 1) corrector.learnRehearsal({ exit: 1, segment: '1 2 device-first', computeMs: 10 });
    const plans = corrector.plansFor(input.plans, segmentOf);
    const { device } = corrector.factors(configuration);
    const known = { ...input, plans, correction: { device, worker: 1 } };
    expect(predict(known, plan)?.breakdownMs.device).toBeCloseTo(30, 0);
    expect(predict(known, { ...plan, exit: 1, partition: 2 })?.breakdownMs.device).toBeCloseTo(10, 0);
    expect(plans.segmentFactors.map(({ exit, partition }) => [exit, partition])).toEqual([
      [1, 2],
      [2, 1],
    ]);
    expect(corrector.plansFor(input.plans, segmentOf)).toBe(plans);
    corrector.use(configuration);
    corrector.use(configurationOf({ deviceProfile: null }));
    expect(corrector.plansFor(input.plans, segmentOf).segmentFactors).toEqual([]);
  });

  test('learns nothing from a frame that fell back, but from its late reply', () => {
    const corrector = createCorrector(ignore);
    learn(corrector, 10, frame({ device: 9, worker: 9 }, { fallback: 'timeout', finishedOn: 'device' }));
    expect(corrector.factors(configuration)).toEqual({ device: 1, worker: 1 });
    const report = { spreadUs: 0, spreadBytes: 0, queueUs: 0, computeUs: 60_000, totalUs: 60_000 };
    for (let i = 0; i < 10; i += 1) corrector.learnLate(plan, report);
    expect(corrector.factors(configuration).worker).toBeGreaterThan(2.7);
  });

  test('learns of the worker from a reply that came too late to be used, and of nothing else', () => {
    const corrector = createCorrector(ignore);
    const unusedReport = { spreadUs: 0, spreadBytes: 0, queueUs: 0, computeUs: 60_000, totalUs: 60_000 };
    learn(corrector, 10, frame({ device: 9 }, { fallback: 'timeout', finishedOn: 'device', unusedReport }));
    expect(corrector.factors(configuration).worker).toBeGreaterThan(2.7);
    expect(corrector.factors(configuration).device).toBe(1);
    expect(corrector.frameMs()).toBe(0);
  });

  test('learns nothing of what is in force from a frame that began under other tables', () => {
    const corrector = createCorrector(ignore);
    learn(corrector, 20, frame({ device: 2 }));
    const measured = configurationOf({ version: 9, deviceProfile: null });
    corrector.use(measured);
    corrector.learn(frame({ device: 2 }));
    expect(corrector.factors(measured)).toEqual({ device: 1, worker: 1 });
    expect(corrector.deviceSpread()).toBe(1);
  });

  test('begins anew for the worker that is another one, and keeps what it knows of the device', () => {
    const corrector = createCorrector(ignore);
    corrector.factors(configuration);
    learn(corrector, 20, frame({ device: 2, worker: 2 }));
    const { device } = corrector.factors(configurationOf({ version: 9 }));
    expect(device).toBeGreaterThan(1.9);
    const moved = configurationOf({ worker: { id: 'w-2', profile: configuration.worker?.profile ?? null } });
    expect(corrector.factors(moved)).toEqual({ device, worker: 1 });
    expect(corrector.factors(configurationOf({ deviceProfile: null }))).toEqual({ device: 1, worker: 1 });
  });

  test('drifts no more, without waiting for a frame, once there are new tables for the part', () => {
    const told: Drift[] = [];
    const corrector = createCorrector((drift) => void told.push(drift));
    corrector.use(configuration);
    learn(corrector, 100, frame({ device: 2 }));
    corrector.use(configurationOf({ version: 9 }));
    expect(told).toHaveLength(1);
    const measured = configurationOf({ version: 10, deviceProfile: null });
    corrector.use(measured);
    expect(told.slice(1)).toEqual([{}]);
    expect(corrector.factors(measured).device).toBe(1);
  });

  test('tells once that a part has drifted, and once that it is over', () => {
    const told: Drift[] = [];
    const corrector = createCorrector((drift) => void told.push(drift));
    learn(corrector, 100, frame({ worker: 2 }));
    learn(corrector, 100, frame({}));
    expect(told).toEqual([{ worker: expect.closeTo(2, 1) }, {}]);
  });
});

describe('the device’s own map', () => {
  const planIn = ({ entries }: ConfigurationMap, state: number): string =>
    `exit${entries[state]?.plan.exit} @${entries[state]?.plan.partition}`;

  test('is the pushed one until something has moved', () => {
    const corrector = createCorrector(ignore);
    learn(corrector, 10, frame({ worker: 1.1 }));
    expect(corrector.mapFor(pushed)).toBe(pushed);
  });

  test('shows a worker that has become slow within ten frames, for the same states', () => {
    const corrector = createCorrector(ignore);
    learn(corrector, 10, frame({ worker: 3 }));
    const own = corrector.mapFor(pushed);
    expect(own.revision).toMatch(/^r1\+[1-9]/);
    expect(own.entries.map(({ state }) => state)).toEqual(pushed.entries.map(({ state }) => state));
    expect([planIn(pushed, 2), planIn(own, 2)]).toEqual(['exit2 @0', 'exit1 @2']);
  });

  test('shows a queue, and that it has gone', () => {
    const corrector = createCorrector(ignore);
    const offload = input.offload ?? undefined;
    if (offload === undefined) throw new Error('no worker');
    const queued = { ...frame({}), input: { ...input, offload: { ...offload, queueMs: 60 } } };
    corrector.learn(queued);
    expect(planIn(corrector.mapFor(pushed), 2)).toBe('exit1 @2');
    corrector.learn(frame({}));
    expect(corrector.mapFor(pushed)).toMatchObject({ revision: 'r1' });
    expect(planIn(corrector.mapFor(pushed), 2)).toBe('exit2 @0');
  });

  test('of a link with a delay is built anew only where the pushed one counts on another', () => {
    const offload = { queueMs: 0, link: { uplinkMbps: 8, downlinkMbps: 8, rttMs: 30 } };
    const corrector = createCorrector(ignore);
    corrector.learn({ ...frame({}), input: { ...input, offload } });
    expect(corrector.mapFor(pushed).revision).toBe('r1+1');
    const other = createCorrector(ignore);
    const far = mapOf({ ...input, offload });
    other.learn({ ...frame({}), configuration: configurationOf({ map: far }), input: { ...input, offload } });
    expect(other.mapFor(far)).toBe(far);
  });

  test('gives way to one that is pushed anew', () => {
    const corrector = createCorrector(ignore);
    learn(corrector, 10, frame({ worker: 3 }));
    const next = { ...pushed, revision: 'r2' };
    expect(corrector.mapFor(next)).toBe(next);
    const configured = configurationOf({ map: next });
    corrector.use(configured);
    corrector.learn({ ...frame({ worker: 3 }), configuration: configured });
    expect(corrector.mapFor(next).revision).toBe('r2+1');
  });
});
