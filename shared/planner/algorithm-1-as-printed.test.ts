import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PrintedBranch, type PrintedInput, planAsPrinted } from './algorithm-1-as-printed.ts';

/** Layer times in ms; at 8 Mbit/s a thousand bytes take one. */
const shallow: PrintedBranch = { edgeMs: [1, 1], deviceMs: [10, 4], outputBytes: [6000, 40] };
const deep: PrintedBranch = { edgeMs: [1, 2, 3], deviceMs: [10, 20, 30], outputBytes: [6000, 1000, 40] };
const input: PrintedInput = { branches: [shallow, deep], inputBytes: 12_000, bandwidthMbps: 8, latencyMs: 100 };

test('each partition is charged as the printed sum has it, and the least is taken', () => {
  // p = 1: 0 + 60 + 12 + 12 = 84; p = 2: 1 + 50 + 12 + 6 = 69; p = 3: 3 + 30 + 12 + 1 = 46.
  expect(planAsPrinted(input)).toEqual({ exit: 2, partition: 3, totalMs: 46 });
});

test('the deepest exit within the latency is returned, then the next', () => {
  // Of exit 1, p = 1: 0 + 14 + 12 + 12 = 38; p = 2: 1 + 4 + 12 + 6 = 23.
  expect(planAsPrinted({ ...input, latencyMs: 46 })?.exit).toBe(2);
  expect(planAsPrinted({ ...input, latencyMs: 45.999 })).toEqual({ exit: 1, partition: 2, totalMs: 23 });
  expect(planAsPrinted({ ...input, latencyMs: 23 })?.exit).toBe(1);
});

test('null is returned where no exit meets the latency', () => {
  expect(planAsPrinted({ ...input, latencyMs: 22.999 })).toBeNull();
  expect(planAsPrinted({ ...input, branches: [] })).toBeNull();
});

test('p = 1 leaves every layer to the device, and is yet charged the input there and back', () => {
  const layer: PrintedBranch = { edgeMs: [1], deviceMs: [5], outputBytes: [40] };
  expect(planAsPrinted({ ...input, branches: [layer] })).toEqual({ exit: 1, partition: 1, totalMs: 5 + 12 + 12 });
});

test('of equal partitions the first is returned', () => {
  const even: PrintedBranch = { edgeMs: [5, 5], deviceMs: [5, 5], outputBytes: [12_000, 40] };
  expect(planAsPrinted({ ...input, branches: [even] })?.partition).toBe(1);
});

test('it is what all sums written out come to', () => {
  const times = fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.nat(20_000)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.array(times, { minLength: 1, maxLength: 5 }),
      fc.record({
        inputBytes: fc.nat(20_000),
        bandwidthMbps: fc.constantFrom(0.5, 1, 8, 64),
        latencyMs: fc.integer({ min: 1, max: 300 }),
      }),
      (layers, rest) => {
        const branches = layers.map((list) => ({
          edgeMs: list.map(([ms]) => ms),
          deviceMs: list.map(([, ms]) => ms),
          outputBytes: list.map(([, , bytes]) => bytes),
        }));
        const ms = (bytes: number): number => (bytes * 8) / (rest.bandwidthMbps * 1000);
        const sums = layers.map((list) =>
          list.map(
            (_, cut) =>
              list.reduce((sum, [edge, device], j) => sum + (j < cut ? edge : device), 0) +
              ms(rest.inputBytes) +
              ms(cut === 0 ? rest.inputBytes : (list[cut - 1]?.[2] ?? 0)),
          ),
        );
        const expected = sums.findLastIndex((list) => Math.min(...list) <= rest.latencyMs);
        const found = planAsPrinted({ branches, ...rest });
        expect(found?.exit).toBe(expected < 0 ? undefined : expected + 1);
        if (found !== null) expect(found.totalMs).toBeCloseTo(Math.min(...(sums[expected] ?? [])), 9);
      },
    ),
    { numRuns: 1000 },
  );
});
