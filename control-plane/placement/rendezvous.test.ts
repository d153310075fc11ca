import fc from 'fast-check';
import { expect, test } from 'vitest';
import { favourite, preference } from './rendezvous.ts';

const weight = fc.integer({ min: 1, max: 10 });
const workers = fc.uniqueArray(fc.record({ id: fc.stringMatching(/^[a-z0-9-]{1,8}$/), weight }), {
  selector: ({ id }) => id,
  minLength: 2,
  maxLength: 6,
});
const deviceIds = Array.from({ length: 200 }, (_, i) => `device-${i}`);

test('a worker that goes takes only those along that preferred it', () => {
  fc.assert(
    fc.property(workers, (all) => {
      const [gone, ...rest] = all;
      for (const device of deviceIds) {
        const before = favourite(device, all);
        if (before?.id !== gone?.id) expect(favourite(device, rest)).toBe(before);
      }
    }),
    { numRuns: 20 },
  );
});

test('a worker that gains weight draws devices to itself alone', () => {
  fc.assert(
    fc.property(workers, ([first, ...rest]) => {
      const heavier = { id: first?.id ?? '', weight: 2 * (first?.weight ?? 1) };
      for (const device of deviceIds) {
        const before = favourite(device, [...rest, ...(first ? [first] : [])]);
        const after = favourite(device, [...rest, heavier]);
        if (after !== heavier) expect(after).toBe(before);
      }
    }),
    { numRuns: 20 },
  );
});

test('the order of the list does not matter', () => {
  fc.assert(
    fc.property(workers, (all) => {
      for (const device of deviceIds) expect(favourite(device, all.toReversed())).toBe(favourite(device, all));
    }),
    { numRuns: 20 },
  );
});

test('each has its share of the weights, within six standard deviations of a draw', () => {
  const many = Array.from({ length: 2000 }, (_, i) => `cam-${i}`);
  fc.assert(
    fc.property(workers, (all) => {
      const total = all.reduce((sum, worker) => sum + worker.weight, 0);
      const counts = new Map(all.map(({ id }) => [id, 0]));
      for (const device of many) {
        const id = favourite(device, all)?.id ?? '';
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      for (const worker of all) {
        const share = worker.weight / total;
        const deviation = Math.sqrt(many.length * share * (1 - share));
        expect(Math.abs((counts.get(worker.id) ?? 0) - many.length * share)).toBeLessThanOrEqual(6 * deviation);
      }
    }),
    { numRuns: 15 },
  );
});

test('two ids give the same in every process: the first 52 bits of the SHA-256 of both, a line break between', () => {
  expect(preference('device-1', { id: 'worker-1', weight: 3 })).toBeCloseTo(4.58974456919311, 12);
  expect(preference('cam', { id: 'edge', weight: 1 })).toBeCloseTo(0.321197410072332, 12);
});

test('of no worker none is preferred', () => {
  expect(favourite('device-1', [])).toBeUndefined();
});
