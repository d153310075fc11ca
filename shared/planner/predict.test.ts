import { describe, expect, test } from 'vitest';
import { planningInput } from '../testing/planning-input.ts';
import { describePlan, type Plan, samePlan } from './plan.ts';
import { messageOverheadBytes, type PlanningInput, predict, transferMs, wireBytes } from './predict.ts';

const plan: Plan = { exit: 1, partition: 1, direction: 'device-first', encoding: 'u8' };

/** An input image, a cut of 1,000 elements and ten classes. */
const exit = { accuracy: 0.8, headMs: [0, 2, 9], tailMs: [8, 2.5, 0], elements: [3072, 1000, 10] };
const base = planningInput([exit]);
const input: PlanningInput = {
  ...base,
  processorFactor: 3,
  encodeNs: { f32: 0, f16: 5, u8: 2 },
  offload: { worker: base.device, queueMs: 1.5, link: { uplinkMbps: 2, downlinkMbps: 4, rttMs: 6 } },
};

describe('T(plan)', () => {
  test('is the sum of its parts, as reckoned by hand', () => {
    // One chunk each way: 80 + 2 × 4 bytes of header, 64 of MQTT.
    const uploadBytes = 1000 + 88 + 64;
    const replyBytes = 40 + 88 + 64;
    const prediction = predict(input, plan);
    expect(prediction?.uploadBytes).toBe(uploadBytes);
    expect(prediction?.breakdownMs).toEqual({
      device: 6,
      encode: 0.002,
      upload: (uploadBytes * 8) / 2000 + 3,
      queue: 1.5,
      worker: 2.5,
      download: (replyBytes * 8) / 4000 + 3,
    });
    expect(prediction?.totalMs).toBeCloseTo(6 + 0.002 + 4.608 + 3 + 1.5 + 2.5 + 0.384 + 3, 9);
  });

  test('of the last partition is the device’s time alone: nothing is sent, nobody is needed', () => {
    const local = predict({ ...input, offload: null }, { ...plan, partition: 2 });
    const nothing = { encode: 0, upload: 0, queue: 0, worker: 0, download: 0 };
    expect(local).toEqual({ breakdownMs: { device: 27, ...nothing }, totalMs: 27, uploadBytes: 0 });
  });

  test('of partition 0 has no time of the device, but the whole input to send', () => {
    const prediction = predict(input, { ...plan, partition: 0, encoding: 'f32' });
    expect(prediction?.breakdownMs.device).toBe(0);
    // At 2 Mbit/s in chunks of 4 KiB: three.
    expect(prediction?.uploadBytes).toBe(4 * 3072 + 3 * (88 + 64));
  });

  test('is unknown without a worker, a direction that is served, or a table that has the plan', () => {
    expect(predict({ ...input, offload: null }, plan)).toBeUndefined();
    expect(predict(input, { ...plan, direction: 'edge-first' })).toBeUndefined();
    expect(predict(input, { ...plan, exit: 0 })).toBeUndefined();
    expect(predict(input, { ...plan, exit: 2 })).toBeUndefined();
    expect(predict(input, { ...plan, partition: 3 })).toBeUndefined();
    expect(predict(input, { ...plan, partition: -1 })).toBeUndefined();
    const shortTable = { hardwareClass: 'x', exits: [{ name: 'exit1', head: [], tail: [] }] };
    expect(predict({ ...input, device: shortTable }, plan)).toBeUndefined();
    const worker = { worker: shortTable, queueMs: 0, link: { uplinkMbps: 1, downlinkMbps: 1, rttMs: 0 } };
    expect(predict({ ...input, offload: worker }, plan)).toBeUndefined();
  });
});

describe('bytes on the wire', () => {
  test('count every tensor of a cut with the headers of all its chunks', () => {
    const tensors = [
      { elements: 1000, rank: 4 },
      { elements: 8192, rank: 1 },
    ];
    const ofFirst = 4000 + 4 * (80 + 16 + messageOverheadBytes);
    const ofSecond = 32_768 + 4 * (80 + 4 + messageOverheadBytes);
    expect(wireBytes(tensors, 'f32')).toBe(ofFirst + ofSecond);
    expect(wireBytes([], 'f32')).toBe(0);
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
});
