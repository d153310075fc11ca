import { describe, expect, test } from 'vitest';
import { type PreparedPlans, preparePlans } from '../../../shared/planner/prepared-plans.ts';
import { policyParser } from '../../../shared/protocol/messages.ts';
import { asPrinted } from './as-printed.ts';
import { deviceOnly } from './device-only.ts';
import { edgeOnly } from './edge-only.ts';
import type { Circumstances, Method } from './method.ts';
import { methods } from './methods.ts';
import { partitionOnly } from './partition-only.ts';
import { product, productF32 } from './product.ts';
import { rightSizingOnly } from './right-sizing-only.ts';

/** Two exits of two and three layers; each layer takes 100 ms on the device and 1 ms on the worker. */
const layerCounts = [2, 3];
const elements = [10_000, 2000, 1000, 10];
const inputBytes = 40_000;

function plans(): PreparedPlans {
  const times = (count: number, ms: number, isTail: boolean) =>
    Array.from({ length: count + 1 }, (_, p) => {
      const medianMs = ms * (isTail ? count - p : p);
      return { medianMs, p90Ms: medianMs };
    });
  const table = (ms: number) => ({
    hardwareClass: 'test',
    exits: layerCounts.map((count, i) => ({
      name: `exit${i + 1}`,
      head: times(count, ms, false),
      tail: times(count, ms, true),
    })),
  });
  const exits = layerCounts.map((count, i) => ({
    name: `exit${i + 1}`,
    accuracy: 0.8 + i / 10,
    cuts: [...elements.slice(0, count), 10].map((size) => [{ elements: size, rank: 4 }]),
  }));
  return preparePlans({ model: { exits }, device: table(100), worker: table(1) });
}

function circumstances(mbps: number, deadlineMs: number): Circumstances {
  const policy = policyParser.parse({
    name: 'test',
    version: 1,
    deadlineMs,
    minimumAccuracy: 0,
    accuracyTolerance: 0,
    encodings: ['f32', 'f16', 'u8'],
    directions: ['device-first', 'edge-first'],
    marginMs: 0,
  });
  const nothing = { f32: 0, f16: 0, u8: 0 };
  return {
    input: {
      plans: plans(),
      policy,
      processorFactor: 1,
      offload: { queueMs: 0, link: { uplinkMbps: mbps, downlinkMbps: mbps, rttMs: 4 } },
      encodeNs: nothing,
      decodeNs: nothing,
    },
    printed: {
      branches: layerCounts.map((count) => ({
        edgeMs: Array.from({ length: count }, () => 1),
        deviceMs: Array.from({ length: count }, () => 100),
        outputBytes: [...elements.slice(1, count), 10].map((size) => 4 * size),
      })),
      inputBytes,
      bandwidthMbps: mbps,
      latencyMs: deadlineMs,
    },
  };
}

function chosen(method: Method, mbps: number, deadlineMs: number) {
  return method.choose(circumstances(mbps, deadlineMs));
}

const f32 = { direction: 'device-first', encoding: 'f32' };

describe('a method with one knob or none', () => {
  test('keeps the deepest exit on the device, whatever the deadline', () => {
    expect(chosen(deviceOnly, 1, 1)).toMatchObject({ plan: { exit: 2, partition: 3, ...f32 }, predictedMs: 300 });
  });

  test('sends the input to the worker, whatever the deadline', () => {
    expect(chosen(edgeOnly, 1, 1)).toMatchObject({ plan: { exit: 2, partition: 0, ...f32 }, accuracy: 0.9 });
  });

  test('cuts the deepest exit where it takes least, whatever the deadline', () => {
    // At 1 Mbit/s the input takes 320 ms; behind one layer a fifth of it is left.
    for (const deadlineMs of [1, 150, 5000]) {
      expect(chosen(partitionOnly, 1, deadlineMs)?.plan).toEqual({ exit: 2, partition: 1, ...f32 });
    }
    expect(chosen(partitionOnly, 100, 1)?.plan).toEqual({ exit: 2, partition: 0, ...f32 });
  });

  test('takes the deepest exit that the device finishes in time, else the fastest', () => {
    const exits = [100, 200, 299, 300].map((deadlineMs) => chosen(rightSizingOnly, 100, deadlineMs)?.plan);
    expect(exits.map((plan) => [plan?.exit, plan?.partition])).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
      [2, 3],
    ]);
  });
});

describe('Algorithm 1 to the letter', () => {
  test('is run as an edge-first plan whose last layers are the device’s', () => {
    expect(chosen(asPrinted, 100, 1000)?.plan).toEqual({
      exit: 2,
      partition: 2,
      direction: 'edge-first',
      encoding: 'f32',
    });
  });

  test('is run on the device alone where it leaves the worker no layer', () => {
    // Sending 40 KB twice at 10 Gbit/s costs nothing, and a worker a thousand times slower is of no use.
    const given = circumstances(10_000, 1000);
    const slow = given.printed.branches.map((branch) => ({ ...branch, edgeMs: branch.edgeMs.map((ms) => 1000 * ms) }));
    const selection = asPrinted.choose({ ...given, printed: { ...given.printed, branches: slow } });
    expect(selection?.plan).toEqual({ exit: 2, partition: 3, ...f32 });
  });

  test('says so where nothing is in time', () => {
    expect(chosen(asPrinted, 0.01, 100)).toBeNull();
  });
});

describe('this product', () => {
  test('sends f32 device-first alone where it is to have what the paper has', () => {
    for (const mbps of [0.1, 1, 10]) {
      expect(chosen(productF32, mbps, 500)?.plan).toMatchObject({ direction: 'device-first', encoding: 'f32' });
    }
  });

  test('is at least as accurate as every method in time, at any bandwidth and deadline', () => {
    for (const mbps of [0.05, 0.3, 1, 5, 50]) {
      for (const deadlineMs of [50, 150, 250, 350, 1000]) {
        const worth = (method: Method): number => {
          const selection = chosen(method, mbps, deadlineMs);
          return selection !== null && selection.predictedMs <= deadlineMs ? selection.accuracy : 0;
        };
        const best = Math.max(...methods.filter((method) => method !== asPrinted).map(worth));
        expect(worth(product), `${mbps} Mbit/s, ${deadlineMs} ms`).toBe(best);
      }
    }
  });
});
