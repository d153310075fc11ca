import { describe, expect, test } from 'vitest';
import { planningInput, planTables } from '../testing/planning-input.ts';
import { describePlan, type Plan, samePlan } from './plan.ts';
import { type PlanningInput, predict } from './predict.ts';
import { preparePlans } from './prepared-plans.ts';
import { messageOverheadBytes, requestBytes, transferMs } from './wire-bytes.ts';

const plan: Plan = { exit: 1, partition: 1, direction: 'device-first', encoding: 'u8' };

/** An input image, a cut of 1,000 elements and ten classes. */
const exit = { accuracy: 0.8, headMs: [0, 2, 9], tailMs: [8, 2.5, 0], elements: [3072, 1000, 10] };
const tables = planTables([exit]);
const input: PlanningInput = {
  ...planningInput([exit]),
  processorFactor: 3,
  encodeNs: { f32: 0, f16: 5, u8: 2 },
  decodeNs: { f32: 100, f16: 5, u8: 4 },
  offload: { queueMs: 1.5, link: { uplinkMbps: 2, downlinkMbps: 4, rttMs: 6 } },
};

describe('T(plan)', () => {
  test('is the sum of its parts, as reckoned by hand', () => {
    // One chunk each way: a header of 28 + 12 + 8 + 3 bytes up and 28 + 20 + 2 down, 64 of MQTT.
    const uploadBytes = 1000 + 51 + 64;
    const replyBytes = 40 + 50 + 64;
    const prediction = predict(input, plan);
    expect(prediction?.uploadBytes).toBe(uploadBytes);
    expect(prediction?.breakdownMs).toEqual({
      device: 6,
      encode: 0.002,
      upload: (uploadBytes * 8) / 2000 + 3,
      queue: 1.5,
      worker: 2.5,
      // Ten classes in f32 are decoded.
      download: (replyBytes * 8) / 4000 + 3 + 0.001,
    });
    expect(prediction?.totalMs).toBeCloseTo(6 + 0.002 + 4.46 + 3 + 1.5 + 2.5 + 0.308 + 3 + 0.001, 9);
  });

  test('of the last partition is the device’s time alone: nothing is sent, nobody is needed', () => {
    const local = predict({ ...input, offload: null }, { ...plan, partition: 2, encoding: 'f32' });
    const nothing = { encode: 0, upload: 0, queue: 0, worker: 0, download: 0 };
    expect(local).toEqual({ breakdownMs: { device: 27, ...nothing }, totalMs: 27, uploadBytes: 0 });
  });

  test('has in every plan what frames take on the device besides', () => {
    const local: Plan = { ...plan, partition: 2, encoding: 'f32' };
    for (const each of [plan, local]) {
      const [without, withIt] = [predict(input, each), predict({ ...input, frameMs: 0.5 }, each)];
      expect(withIt?.totalMs).toBeCloseTo((without?.totalMs ?? 0) + 0.5, 9);
      expect(withIt?.breakdownMs.device).toBeCloseTo((without?.breakdownMs.device ?? 0) + 0.5, 9);
    }
  });

  test('of an image counts its file, its encoding here and its decoding on the worker', () => {
    const asImage: Plan = { ...plan, partition: 0, encoding: 'jpeg' };
    const plans = preparePlans(planTables([{ ...exit, imageEncodings: { jpeg: { accuracy: 0.79, bytes: 900 } } }]));
    const prediction = predict({ ...input, plans, imageCodecMs: { jpeg: { encodeMs: 3, decodeMs: 0.5 } } }, asImage);
    // One chunk: a header of 28 + 12 bytes and two more for its one dimension, 64 of MQTT.
    expect(prediction?.uploadBytes).toBe(900 + 42 + 64);
    expect(prediction?.breakdownMs).toMatchObject({ device: 0, encode: 3, queue: 1.5, worker: 8.5 });
    expect(plans.all.find((each) => samePlan(each.plan, asImage))?.accuracy).toBe(0.79);
    // Nothing is known of what encoding takes, or of the format.
    expect(predict({ ...input, plans }, asImage)).toBeUndefined();
    expect(predict({ ...input, plans }, { ...asImage, encoding: 'webp' })).toBeUndefined();
  });

  test('of partition 0 has no time of the device, but the whole input to send', () => {
    const prediction = predict(input, { ...plan, partition: 0, encoding: 'f32' });
    expect(prediction?.breakdownMs.device).toBe(0);
    // At 2 Mbit/s in chunks of 4 KiB: three.
    expect(prediction?.uploadBytes).toBe(4 * 3072 + 3 * (43 + 64));
  });

  test('edge-first is reckoned with the input going up, the worker’s head, the cut coming down and the own tail', () => {
    const prediction = predict(input, { ...plan, direction: 'edge-first' });
    const uploadBytes = 3072 + 51 + 64;
    const replyBytes = 1000 + 59 + 64;
    expect(prediction?.uploadBytes).toBe(uploadBytes);
    expect(prediction?.breakdownMs).toEqual({
      device: 7.5,
      encode: (3072 * 2) / 1e6,
      upload: (uploadBytes * 8) / 2000 + 3,
      queue: 1.5,
      worker: 2,
      download: (replyBytes * 8) / 4000 + 3 + 0.004,
    });
    expect(prediction?.totalMs).toBeCloseTo(7.5 + 0.006144 + 12.748 + 1.5 + 2 + 2.246 + 6 + 0.004, 9);
  });

  test('is offered once: both ends of edge-first, and a whole branch in another encoding, are other plans', () => {
    expect(predict(input, { ...plan, direction: 'edge-first', partition: 0 })).toBeUndefined();
    expect(predict(input, { ...plan, direction: 'edge-first', partition: 2 })).toBeUndefined();
    expect(predict(input, { ...plan, partition: 2 })).toBeUndefined();
    expect(input.plans.all.map((prepared) => describePlan(prepared.plan))).toEqual([
      'exit1 @2 f32',
      ...['f32', 'f16', 'u8'].map((encoding) => `exit1 @0 ${encoding}`),
      ...['f32', 'f16', 'u8'].map((encoding) => `exit1 @1 ${encoding}`),
      ...['f32', 'f16', 'u8'].map((encoding) => `exit1 @1 ${encoding} edge-first`),
    ]);
  });

  test('is unknown without a worker, or a table that has both segments of the plan', () => {
    expect(predict({ ...input, offload: null }, plan)).toBeUndefined();
    expect(predict(input, { ...plan, exit: 0 })).toBeUndefined();
    expect(predict(input, { ...plan, exit: 2 })).toBeUndefined();
    expect(predict(input, { ...plan, partition: 3 })).toBeUndefined();
    expect(predict(input, { ...plan, partition: -1 })).toBeUndefined();
    const shortTable = { hardwareClass: 'x', exits: [{ name: 'exit1', head: [], tail: [] }] };
    const shortDevice = preparePlans({ ...tables, device: shortTable });
    expect(predict({ ...input, plans: shortDevice }, plan)).toBeUndefined();
    const shortWorker = preparePlans({ ...tables, worker: shortTable });
    expect(predict({ ...input, plans: shortWorker }, plan)).toBeUndefined();
    const noWorker = preparePlans({ ...tables, worker: null });
    expect(noWorker.all).toEqual(noWorker.local);
  });
});

describe('bytes on the wire', () => {
  test('count every tensor of a cut with the headers of all its chunks', () => {
    const tensors = [
      { elements: 1000, rank: 4 },
      { elements: 8192, rank: 1 },
    ];
    const ofFirst = 4000 + 4 * (28 + 12 + 5 + messageOverheadBytes);
    const ofSecond = 32_768 + 4 * (28 + 12 + 2 + messageOverheadBytes);
    expect(requestBytes(tensors, 'f32')).toBe(ofFirst + ofSecond);
    expect(requestBytes([], 'f32')).toBe(0);
  });

  test('take as long as the rate says', () => {
    expect(transferMs(125_000, 1)).toBe(1000);
    expect(transferMs(12_288, 10)).toBeCloseTo(9.8304, 9);
  });
});

test('plans are the same where all four of their parts are', () => {
  const others: Partial<Plan>[] = [{ exit: 2 }, { partition: 0 }, { direction: 'edge-first' }, { encoding: 'f16' }];
  expect(samePlan(plan, { ...plan })).toBe(true);
  expect(others.map((other) => samePlan(plan, { ...plan, ...other }))).toEqual([false, false, false, false]);
  expect(describePlan(plan)).toBe('exit1 @1 u8');
  expect(describePlan({ ...plan, direction: 'edge-first' })).toBe('exit1 @1 u8 edge-first');
});
