import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultPlacement, placeable, standing, startMs } from '../testing/placement.ts';
import { simulatePlacement } from '../testing/placement-simulation.ts';
import { placeDevices } from './place-devices.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function devices(count: number, framesPerSecond: number): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`cam-${String(i).padStart(3, '0')}`, framesPerSecond]),
  );
}

test('overload that lasts is relieved, a few devices an interval, until it is over', () => {
  const fleet = simulatePlacement(devices(40, 1), { w1: 40, w2: 40 });
  fleet.run(5 * minuteMs);
  const settled = fleet.moves.length;
  for (const id of Object.keys(devices(40, 1))) fleet.setDemand(id, 1.4);
  fleet.run(hourMs);
  // Both at 0.7: nobody has a reason to move.
  expect(fleet.moves.length).toBe(settled);
  for (const { device, to } of fleet.moves) fleet.setDemand(device, to === 'w1' ? 2.4 : 0.4);
  const changedMs = 5 * minuteMs + hourMs;
  fleet.run(hourMs);
  const all = fleet.moves.slice(settled);
  expect(new Set(all.map(({ device }) => device)).size).toBe(all.length);
  const moves = all.filter(({ because }) => because === 'worker-overloaded');
  expect(moves.length).toBeGreaterThan(4);
  expect(moves.every(({ from }) => from === 'w1')).toBe(true);
  expect((moves[0]?.atMs ?? 0) - changedMs).toBeGreaterThanOrEqual(defaultPlacement.overloadPersistMs);
  const perInterval = new Map<number, number>();
  for (const { atMs } of moves) perInterval.set(atMs, (perInterval.get(atMs) ?? 0) + 1);
  expect(Math.max(...perInterval.values())).toBeLessThanOrEqual(2);
  const intervals = [...perInterval.keys()];
  for (const [index, atMs] of intervals.entries()) {
    const before = intervals[index - 1];
    if (before !== undefined) expect(atMs - before).toBeGreaterThanOrEqual(defaultPlacement.placementIntervalMs);
  }
  expect(Math.max(fleet.asked('w1'), fleet.asked('w2'))).toBeLessThan(0.9);
});

test('overload that passes moves nobody', () => {
  const fleet = simulatePlacement(devices(20, 1), { w1: 20, w2: 20 });
  const own = fleet.moves.filter(({ to }) => to === 'w1').map(({ device }) => device);
  fleet.run(minuteMs);
  const settled = fleet.moves.length;
  for (let burst = 0; burst < 20; burst += 1) {
    for (const id of own) fleet.setDemand(id, 3);
    fleet.run(10_000);
    for (const id of own) fleet.setDemand(id, 0.5);
    fleet.run(20_000);
  }
  expect(fleet.moves.length).toBe(settled);
});

test('where all are overloaded nobody moves', () => {
  const fleet = simulatePlacement(devices(20, 3), { w1: 20, w2: 20 });
  const settled = fleet.moves.length;
  fleet.run(hourMs);
  expect(fleet.moves.length).toBe(settled);
});

test('a worker that dies gives up its devices at once, and one that comes back gets its share slowly', () => {
  const fleet = simulatePlacement(devices(60, 0.2), { w1: 30, w2: 30, w3: 30 });
  fleet.run(5 * minuteMs);
  const own = fleet.devicesAt('w1');
  const placedFirst = fleet.moves.length;
  fleet.setOnline('w1', false);
  expect(fleet.devicesAt('w1')).toBe(0);
  expect(fleet.moves.length - placedFirst).toBe(own);
  fleet.run(minuteMs);
  fleet.setOnline('w1', true);
  const backMs = 6 * minuteMs;
  const movedBefore = fleet.moves.length;
  fleet.run(defaultPlacement.placementSettleMs - 1000);
  expect(fleet.moves.length).toBe(movedBefore);
  fleet.run(30 * minuteMs);
  const returns = fleet.moves.slice(movedBefore);
  expect(returns.every(({ because, to }) => because === 'fair-share' && to === 'w1')).toBe(true);
  // A share of 20 less the tolerance of a fifth, one at a time: at least 10 s between two.
  expect(fleet.devicesAt('w1')).toBe(16);
  expect(returns).toHaveLength(16);
  const span = (returns.at(-1)?.atMs ?? 0) - backMs;
  expect(span).toBeGreaterThanOrEqual(defaultPlacement.placementSettleMs + 15 * defaultPlacement.placementIntervalMs);
  expect(span).toBeLessThan(5 * minuteMs);
});

test('a worker that comes and goes is given no devices of others', () => {
  const fleet = simulatePlacement(devices(20, 0.2), { w1: 10, w2: 10 });
  fleet.run(5 * minuteMs);
  const settled = fleet.moves.length;
  const own = fleet.devicesAt('w1');
  for (let start = 0; start < 20; start += 1) {
    fleet.setOnline('w1', false);
    fleet.run(5000);
    fleet.setOnline('w1', true);
    fleet.run(20_000);
  }
  expect(fleet.moves.length - settled).toBe(own);
});

test('whatever devices ask for, they come to rest: no two workers exchange them', () => {
  const demands = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 24 });
  const capacities = fc.array(fc.integer({ min: 10, max: 60 }), { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(demands, capacities, (asked, capacity) => {
      const fleet = simulatePlacement(
        Object.fromEntries(asked.map((tenths, i) => [`cam-${i}`, tenths / 10])),
        Object.fromEntries(capacity.map((each, i) => [`w${i}`, each])),
      );
      fleet.run(2 * hourMs);
      const settled = fleet.moves.length;
      fleet.run(hourMs);
      expect(fleet.moves.slice(settled)).toEqual([]);
      const byDevice = new Map<string, number>();
      for (const { device } of fleet.moves) byDevice.set(device, (byDevice.get(device) ?? 0) + 1);
      expect(Math.max(...byDevice.values())).toBeLessThanOrEqual(1 + capacity.length);
    }),
    { numRuns: 12 },
  );
});

test('an overloaded worker whose reports have stopped is left as it is: nothing is known of it', () => {
  const overloaded = { overloadSinceMs: startMs - minuteMs };
  const workers = [standing('w1', { utilisation: undefined, condition: overloaded }), standing('w2')];
  const fleet = [placeable('a', 'w1'), placeable('b', 'w1'), placeable('c', 'w2'), placeable('d', 'w2')];
  const { changes, nextMs } = placeDevices({ devices: fleet, workers, settings: defaultPlacement, nowMs: startMs });
  expect(changes.size).toBe(0);
  expect(nextMs).toBe(startMs + defaultPlacement.placementIntervalMs);
});

test('devices that are offline are neither moved for relief nor for a share', () => {
  const away = { online: false };
  const workers = [
    standing('w1', { utilisation: 1, condition: { overloadSinceMs: startMs - minuteMs } }),
    standing('w2'),
  ];
  const fleet = Array.from({ length: 8 }, (_, i) => placeable(`cam-${i}`, 'w1', away));
  const { changes } = placeDevices({ devices: fleet, workers, settings: defaultPlacement, nowMs: startMs });
  expect(changes.size).toBe(0);
});
