import { describe, expect, test } from 'vitest';
import { constantTrace } from '../../../shared/planner/bandwidth-trace.ts';
import type { PlaceCosts, PlanCosts } from './plan-costs.ts';
import {
  type FrameRules,
  idleWorld,
  runVirtualFrame,
  type VirtualFrame,
  type VirtualRescue,
  type World,
} from './virtual-frame.ts';

const nothing = { tailMs: 0, encodeMs: 0, decodeMs: 0, workerMs: 0, uploadBytes: 0, replyBytes: 0 };

function local(exit: number, accuracy: number, headMs: number): PlanCosts {
  const plan = { exit, partition: 9, direction: 'device-first', encoding: 'f32' } as const;
  return { ...nothing, plan, accuracy, isLocal: true, headMs };
}

const exit1 = local(1, 0.7, 60);
const exit2 = local(2, 0.8, 90);
/** 1,000 bytes up and 100 down are 8 and 0.8 ms at 1 Mbit/s; the rtt is 4 ms. */
const split: PlanCosts = {
  plan: { exit: 3, partition: 2, direction: 'device-first', encoding: 'u8' },
  accuracy: 0.9,
  isLocal: false,
  headMs: 10,
  tailMs: 0,
  encodeMs: 1,
  decodeMs: 0.2,
  workerMs: 5,
  uploadBytes: 1000,
  replyBytes: 100,
};
const edgeFirst: PlanCosts = { ...split, plan: { ...split.plan, direction: 'edge-first' }, headMs: 0, tailMs: 10 };

const costs: PlaceCosts = {
  plans: [exit1, exit2, split, edgeFirst],
  local: [exit1, exit2],
  rttMs: 4,
  frameMs: 0,
  fastestLocalMs: 60,
  of: () => exit1,
};

/** As slow as its costs say, and no more is left for it. */
function rescueOf(branch: PlanCosts): VirtualRescue {
  const { headMs, accuracy, plan } = branch;
  return { costs: branch, exit: plan.exit, accuracy, predictedMs: headMs, slowMs: headMs, reserveMs: headMs };
}

function rules(mbps: number, { deadlineMs = 100, ...change }: Partial<FrameRules> & { deadlineMs?: number } = {}) {
  const policy = { deadlineMs, marginMs: 5, accuracyTolerance: 0 };
  return { costs, trace: constantTrace(mbps), policy, rescues: costs.local.map(rescueOf), fallsBack: true, ...change };
}

function run(under: FrameRules, planned: PlanCosts, world: World = idleWorld): VirtualFrame {
  return runVirtualFrame(under, world, { planned, startMs: 0, slowness: 1 });
}

describe('a frame in virtual time', () => {
  test('takes head, encoding, upload, worker, reply, decoding and one rtt', () => {
    const frame = run(rules(1), split);
    expect(frame.endMs).toBeCloseTo(10 + 1 + 8 + 5 + 0.8 + 4 + 0.2, 9);
    expect(frame).toMatchObject({ accuracy: 0.9, fellBack: false, ranWhole: null });
    expect(frame.world).toEqual({
      deviceFreeMs: 10,
      uplinkFreeMs: 19,
      workerFreeMs: 26,
      downlinkFreeMs: expect.closeTo(26.8, 9),
    });
  });

  test('begins when the frame is ready, on the device alone as well', () => {
    const slow = rules(1, { costs: { ...costs, frameMs: 3 } });
    expect(run(slow, split).endMs).toBeCloseTo(run(rules(1), split).endMs + 3, 9);
    expect(run(slow, exit1).endMs).toBeCloseTo(63, 9);
  });

  test('tells of the link what its round trip took without the worker’s part', () => {
    const [sample] = run(rules(1), split).samples;
    expect(sample).toMatchObject({ bytes: 1000, isMissing: false });
    expect(sample?.transferMs).toBeCloseTo(8 + 0.8 + 4, 9);
  });

  test('runs edge-first without a head and with the tail after the reply', () => {
    const frame = run(rules(1), edgeFirst);
    expect(frame.endMs).toBeCloseTo(1 + 8 + 5 + 0.8 + 4 + 0.2 + 10, 9);
    expect(frame.world.deviceFreeMs).toBeCloseTo(frame.endMs, 9);
  });

  test('waits for what is still under way: link, worker and device', () => {
    const world = { deviceFreeMs: 3, uplinkFreeMs: 30, workerFreeMs: 50, downlinkFreeMs: 0 };
    // The head ends at 13, the upload at 38, and the worker begins at 50.
    expect(run(rules(1, { deadlineMs: 1000 }), split, world).endMs).toBeCloseTo(50 + 5 + 0.8 + 2 + 0.2, 9);
    expect(run(rules(1), exit1, world).endMs).toBe(63);
  });

  test('is finished on the device by the deadline where the reply does not come', () => {
    const frame = run(rules(0.01), split);
    // 60 ms for exit 1 and the margin of 5 ms are left at 35 ms.
    expect(frame).toMatchObject({ endMs: 95, accuracy: 0.7, fellBack: true, ranWhole: 1 });
    expect(frame.samples).toEqual([{ atMs: 95, bytes: 1000, transferMs: 84, isMissing: true }]);
    expect(frame.world).toMatchObject({ uplinkFreeMs: 95, workerFreeMs: 0, downlinkFreeMs: 0 });
  });

  test('sends no more when it has ended without its reply, and tells how much came through at most', () => {
    const large = { ...split, uploadBytes: 100_000 };
    const frame = run(rules(0.8), large);
    // From 11 to 95 ms the link carries 8,400 bytes; a chunk of 16 KiB was on its way.
    expect(frame.samples).toEqual([{ atMs: 95, bytes: 8400 + 16_384, transferMs: 84, isMissing: true }]);
    expect(frame.world.uplinkFreeMs).toBe(95);
  });

  test('hears a late reply where all was sent by then', () => {
    const busy = { ...idleWorld, workerFreeMs: 120 };
    const frame = run(rules(1), split, busy);
    expect(frame).toMatchObject({ endMs: 95, fellBack: true });
    expect(frame.samples).toEqual([
      { atMs: 95, bytes: 1000, transferMs: 84, isMissing: true },
      { atMs: expect.closeTo(120 + 5 + 0.8 + 2, 9), bytes: 1000, transferMs: expect.any(Number), isMissing: false },
    ]);
  });

  test('device-first uses a reply that comes while the local exit runs, which keeps the device busy', () => {
    // 0.2 Mbit/s: 40 ms up, 4 ms down.
    const frame = run(rules(0.2), split);
    expect(frame).toMatchObject({ accuracy: 0.9, fellBack: false, ranWhole: 1 });
    expect(frame.endMs).toBeCloseTo(10 + 1 + 40 + 5 + 4 + 4 + 0.2, 9);
    expect(frame.world.deviceFreeMs).toBe(95);
  });

  test('a local exit that has not begun when the reply comes is withdrawn', () => {
    // Due at 35 ms, it would have to wait for what keeps the device busy until 90 ms.
    const edgeOnly: PlanCosts = { ...split, headMs: 0 };
    const frame = run(rules(0.2), edgeOnly, { ...idleWorld, deviceFreeMs: 90 });
    expect(frame).toMatchObject({ accuracy: 0.9, fellBack: false, ranWhole: null, world: { deviceFreeMs: 90 } });
    expect(frame.endMs).toBeCloseTo(1 + 40 + 5 + 4 + 4 + 0.2, 9);
  });

  test('edge-first does not: the tail would wait behind the local exit', () => {
    expect(run(rules(0.2), edgeFirst)).toMatchObject({ endMs: 95, accuracy: 0.7, fellBack: true });
  });

  test('is left time for a better exit than the fastest where that is a small share of the deadline', () => {
    // A twentieth of 2 s: 90 ms of exit 2 are cheap, those of 1.7 s are not.
    expect(run(rules(0.001, { deadlineMs: 2000 }), split)).toMatchObject({ endMs: 1995, accuracy: 0.8, ranWhole: 2 });
    expect(run(rules(0.001, { deadlineMs: 1700 }), split)).toMatchObject({ endMs: 1695, accuracy: 0.7, ranWhole: 1 });
    expect(run(rules(0.001, { deadlineMs: 2000 }), edgeFirst)).toMatchObject({ endMs: 1995, accuracy: 0.8 });
  });

  test('falls back to the best local exit that fits', () => {
    const slack = rules(0.2, { deadlineMs: 200 });
    const tailHeavy: PlanCosts = { ...edgeFirst, tailMs: 150 };
    // The reply is there at 54.2 ms: the tail would end after 200 ms, exit 2 at 144.2 ms.
    expect(run(slack, tailHeavy)).toMatchObject({ accuracy: 0.8, fellBack: true, endMs: expect.closeTo(144.2, 6) });
  });

  test('without a fallback waits for its reply, however late', () => {
    const frame = run(rules(0.01, { fallsBack: false }), split);
    expect(frame).toMatchObject({ accuracy: 0.9, fellBack: false });
    expect(frame.endMs).toBeCloseTo(10 + 1 + 800 + 5 + 80 + 4 + 0.2, 9);
  });

  test('the device’s own times vary, the worker’s and the link’s do not', () => {
    const frame = runVirtualFrame(rules(1), idleWorld, { planned: split, startMs: 0, slowness: 1.5 });
    expect(frame.endMs).toBeCloseTo(15 + 1 + 8 + 5 + 0.8 + 4 + 0.2, 9);
  });
});
