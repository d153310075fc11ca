import { expect, test } from 'vitest';
import type { FrameResult } from '../../../shared/protocol/frame-result.ts';
import { allowedMs, excessOf, excessPartNames, medianExcess, takenShare } from './excess.ts';
import type { SendingPlan } from './sending-plans.ts';

const input = { elements: 3072, rank: 4 };
const sending: SendingPlan = {
  plan: { exit: 5, partition: 0, direction: 'device-first', encoding: 'u8' },
  up: [input],
  down: [{ elements: 10, rank: 2 }],
  replyEncoding: 'f32',
  upBytes: 3072,
  downBytes: 40,
  before: null,
  worker: { exit: 5, from: 0, to: 21 },
  after: null,
};
const times = { beforeMs: 0, wireMs: 100, workerMs: 2, afterMs: 0 };
const members = { device: 'bench-1', worker: 'worker-1' };

function frame(latencyMs: number): FrameResult {
  return {
    schema: 1,
    device: 'bench-1',
    frame: 0,
    name: 'synthetic#0',
    label: 'cat',
    truth: null,
    exit: 'exit5',
    partition: 0,
    direction: 'device-first',
    encoding: 'u8',
    finishedOn: 'worker',
    plan: { exit: 'exit5', partition: 0, direction: 'device-first', encoding: 'u8' },
    planned: 'forced',
    configurationVersion: 1,
    deadlineMs: 1000,
    latencyMs,
    met: true,
    fallback: null,
    breakdownMs: { device: 0.5, encode: 0.1, upload: 106, queue: 0.4, worker: 2.5, download: 1 },
    runtimeMs: { device: 0, worker: 2.2 },
    assumed: {
      totalMs: 110,
      uplinkMbps: 0.25,
      downlinkMbps: 0.25,
      rttMs: 1,
      queueMs: 0,
      frameMs: 0,
      encodeNs: { f32: 1, f16: 1, u8: 1 },
      decodeNs: { f32: 1, f16: 1, u8: 1 },
    },
    uploadBytes: 3072 + 137,
    skipped: 0,
    rescue: { runs: 1, p99Ms: 1 },
    processorFactor: 1,
  };
}

test('the parts of an excess are all of it', () => {
  const excess = excessOf(frame(111), times, { sending, mbps: 0.25, ...members });
  expect(excess.excessMs).toBeCloseTo(111 - 102, 9);
  const sum = excessPartNames.reduce((total, part) => total + excess.parts[part], 0);
  expect(sum).toBeCloseTo(excess.excessMs, 9);
  expect(excess.parts).toMatchObject({ encode: 0.1, rest: expect.closeTo(0.5, 9), inference: expect.closeTo(0.2, 9) });
});

test('stated headers are 64 bytes and the topic for each chunk, both ways, at the link’s rate', () => {
  const topics =
    'edgent/v1/devices/bench-1/offload/worker-1'.length + 'edgent/v1/devices/bench-1/reply/worker-1'.length;
  const { statedMs } = excessOf(frame(111), times, { sending, mbps: 0.25, ...members });
  expect(statedMs).toBeCloseTo(((2 * 64 + topics) * 8) / 250, 9);
});

test('on loopback headers take no time, and 1.5 ms are allowed whatever the bound', () => {
  const excess = excessOf(frame(111), times, { sending, mbps: null, ...members });
  expect([excess.statedMs, excess.parts.headers]).toEqual([0, 0]);
  expect([allowedMs(10, null), allowedMs(1000, null)]).toEqual([1.5, 1.5]);
});

test('a twentieth of the bound is allowed on slow links, a tenth at 10 Mbit/s, and 1.5 ms in any case', () => {
  expect([allowedMs(100, 0.25), allowedMs(100, 1), allowedMs(100, 10)]).toEqual([5, 5, 10]);
  expect([allowedMs(10, 1), allowedMs(10, 10)]).toEqual([1.5, 1.5]);
});

test('what is taken of the allowance leaves the stated headers out', () => {
  const excess = excessOf(frame(111), times, { sending, mbps: 0.25, ...members });
  expect(takenShare(excess, 0.25)).toBeCloseTo((excess.excessMs - excess.statedMs) / (0.05 * 102), 9);
});

test('of several frames each number is the median’s', () => {
  const where = { sending, mbps: 0.25, ...members };
  const all = [frame(130), frame(111), frame(112)].map((one) => excessOf(one, times, where));
  expect(medianExcess(all)).toMatchObject({ latencyMs: 112, boundMs: 102, excessMs: 10 });
});
