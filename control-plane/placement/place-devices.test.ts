import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PlacementReason } from '../store/member-records.ts';
import { defaultPlacement, placeable, standing, startMs } from '../testing/placement.ts';
import type { PlaceableDevice } from './board.ts';
import { placeDevices } from './place-devices.ts';
import type { WorkerStanding } from './worker-standings.ts';

function place(devices: readonly PlaceableDevice[], workers: readonly WorkerStanding[], nowMs = startMs) {
  return placeDevices({ devices, workers, settings: defaultPlacement, nowMs });
}

/** @returns the devices where they are after that */
function placed(devices: readonly PlaceableDevice[], workers: readonly WorkerStanding[]): PlaceableDevice[] {
  const { changes } = place(devices, workers);
  return devices.map((device) => placeable(device.id, changes.get(device.id)?.workerId ?? device.workerId));
}

function countsOf(devices: readonly PlaceableDevice[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { workerId } of devices) if (workerId !== null) counts[workerId] = (counts[workerId] ?? 0) + 1;
  return counts;
}

const homeless = (count: number): PlaceableDevice[] => Array.from({ length: count }, (_, i) => placeable(`cam-${i}`));
const fleets = fc.record({
  devices: fc.integer({ min: 1, max: 80 }).map(homeless),
  workers: fc
    .array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 6 })
    .map((capacities) => capacities.map((capacity, i) => standing(`edge-${i}`, { capacity }))),
});

test('a device keeps its worker while that serves, though another has nothing to do', () => {
  const devices = [placeable('a', 'w1'), placeable('b', 'w1', { online: false })];
  const workers = [standing('w1', { utilisation: 0.85 }), standing('w2', { availability: 'offline' })];
  expect(place(devices, workers)).toEqual({ changes: new Map(), disturbed: new Set(), nextMs: undefined });
});

test('no worker is given more devices than its share of the capacity and the tolerance', () => {
  fc.assert(
    fc.property(fleets, ({ devices, workers }) => {
      const counts = countsOf(placed(devices, workers));
      const capacity = workers.reduce((sum, worker) => sum + worker.capacity, 0);
      expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(devices.length);
      for (const worker of workers) {
        const share = (devices.length * worker.capacity) / capacity;
        expect(counts[worker.id] ?? 0).toBeLessThanOrEqual(Math.max(Math.ceil(share), Math.floor(1.2 * share)));
      }
    }),
  );
});

test('a worker that goes takes its own devices along, and others move only to who is short of its share then', () => {
  fc.assert(
    fc.property(fleets, ({ devices, workers }) => {
      const before = placed(devices, workers);
      const gone = workers.map((worker, i) => (i === 0 ? { ...worker, availability: 'offline' as const } : worker));
      const { changes, disturbed } = place(before, gone);
      const own = before.filter(({ workerId }) => workerId === workers[0]?.id).map(({ id }) => id);
      expect([...changes.keys()]).toEqual(expect.arrayContaining(own));
      const others = [...changes].filter(([id]) => !own.includes(id)).map(([, change]) => change);
      const housed = before.map(({ id, workerId }) =>
        placeable(id, own.includes(id) ? (changes.get(id)?.workerId ?? null) : workerId),
      );
      const counts = countsOf(housed);
      const capacity = workers.slice(1).reduce((sum, worker) => sum + worker.capacity, 0);
      for (const { workerId, because } of others) {
        const worker = workers.find(({ id }) => id === workerId);
        const share = (devices.length * (worker?.capacity ?? 0)) / capacity;
        const least = Math.round((1 - defaultPlacement.placementTolerance) * share);
        expect(because).toBe('fair-share');
        expect(counts[workerId ?? ''] ?? 0).toBeLessThan(least);
      }
      expect(disturbed.size > 0).toBe(others.length > 0);
    }),
  );
});

test('a worker that comes is given devices, and nobody else is', () => {
  fc.assert(
    fc.property(fleets, ({ devices, workers }) => {
      const before = placed(devices, workers);
      const { changes } = place(before, [...workers, standing('new', { capacity: 4 })]);
      expect([...changes.values()].filter(({ workerId }) => workerId !== 'new')).toEqual([]);
    }),
  );
});

test('the order of the lists does not matter', () => {
  fc.assert(
    fc.property(fleets, fc.integer({ min: 0, max: 10 }), ({ devices, workers }, gone) => {
      const there = workers.map((worker, i) => (i === gone ? { ...worker, availability: 'offline' as const } : worker));
      const before = placed(devices, workers);
      for (const fleet of [devices, before]) {
        const forwards = place(fleet, there).changes;
        const backwards = place(fleet.toReversed(), there.toReversed()).changes;
        expect(new Map([...backwards].sort())).toEqual(new Map([...forwards].sort()));
      }
    }),
  );
});

test('devices without a worker are shared out by what each worker has to spare', () => {
  const workers = [standing('busy', { utilisation: 0.8 }), standing('idle', { utilisation: 0.2 })];
  expect(countsOf(placed(homeless(100), workers))['busy']).toBeLessThanOrEqual(24);
  const silent = [standing('busy', { utilisation: 0.8 }), standing('silent', { utilisation: undefined })];
  expect(countsOf(placed(homeless(100), silent))['busy']).toBeLessThanOrEqual(20);
});

test('a worker that nothing can be planned for gets a device only where all are like that', () => {
  const unknown = standing('unknown', { hasTable: false });
  expect(countsOf(placed(homeless(10), [unknown, standing('known')]))).toEqual({ known: 10 });
  expect(countsOf(placed(homeless(10), [unknown]))).toEqual({ unknown: 10 });
  // Its table may be missing for a while only, as after a change of the model.
  expect(place([placeable('a', 'unknown')], [unknown, standing('known')]).changes.size).toBe(0);
});

test.each<[WorkerStanding['availability'], PlacementReason]>([
  ['offline', 'worker-gone'],
  ['left', 'worker-left'],
  ['failed', 'worker-failed'],
])('a device whose worker is %s is placed elsewhere, told as %s', (availability, because) => {
  const workers = [standing('w1', { availability }), standing('w2')];
  expect(place([placeable('a', 'w1')], workers).changes).toEqual(new Map([['a', { workerId: 'w2', because }]]));
});

test('without a worker a device has none, which is told once', () => {
  const gone = [standing('w1', { availability: 'offline' })];
  const { changes } = place([placeable('a', 'w1'), placeable('b')], gone);
  const none = { workerId: null, because: 'none-available' };
  expect(changes).toEqual(
    new Map([
      ['a', none],
      ['b', none],
    ]),
  );
  const alone = placeable('a', null, { placedBecause: 'none-available', placedMs: startMs });
  expect(place([alone], gone).changes.size).toBe(0);
  expect(place([alone], [standing('w1')]).changes.get('a')).toEqual({ workerId: 'w1', because: 'had-none' });
});

test('who got a worker only just, out of none, moves at once to one that comes right after the first', () => {
  const fresh = { placedBecause: 'had-none', placedMs: startMs - 2000 } as const;
  const devices = Array.from({ length: 10 }, (_, i) => placeable(`cam-${i}`, 'w1', fresh));
  const first = standing('w1', { condition: { availableSinceMs: startMs - 2000 } });
  const second = standing('w2', { utilisation: undefined, condition: { availableSinceMs: startMs } });
  expect(place(devices, [first, second]).changes.size).toBe(4);
  const moved = devices.map((device) => ({ ...device, placedBecause: 'worker-gone' as const }));
  expect(place(moved, [first, second]).changes.size).toBe(0);
  expect(place(devices, [first, second], startMs + 10_000).changes.size).toBe(0);
});
