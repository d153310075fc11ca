import { expect, test } from 'vitest';
import type { Load } from '../../shared/protocol/messages.ts';
import { deviceTopic, workerTopic } from '../../shared/protocol/topics.ts';
import { createFakeClock, type FakeClock } from '../../shared/runtime/clock.ts';
import type { ControlPlaneConfig } from '../config.ts';
import { leaving, load, offline, online, profile } from '../testing/messages.ts';
import { configurationOf, putProfile } from '../testing/operate.ts';
import { startControlPlane, type TestedControlPlane } from '../testing/start-control-plane.ts';

interface DevicePlacement {
  worker: string | null;
  since: string | null;
  reason: string | null;
  from: string | null;
}
interface WorkerPlacement {
  availability: string;
  devices: number;
  devicesOnline: number;
  capacity: number;
  weight: number;
  load: { utilisation: number } | null;
  overloadedSince: string | null;
}

async function placementOf(plane: TestedControlPlane, device: string): Promise<DevicePlacement> {
  return ((await plane.getJson(`/devices/${device}`)) as { placement: DevicePlacement }).placement;
}
async function standingOf(plane: TestedControlPlane, worker: string): Promise<WorkerPlacement> {
  return ((await plane.getJson(`/workers/${worker}`)) as { placement: WorkerPlacement }).placement;
}
async function devicesAt(plane: TestedControlPlane, worker: string): Promise<string[]> {
  const { items } = (await plane.getJson(`/devices?worker=${worker}&limit=500`)) as { items: { id: string }[] };
  return items.map(({ id }) => id);
}

const ids = Array.from({ length: 8 }, (_, i) => `cam-${i}`);

/** Eight devices that are online, at as many workers as are named. */
async function startFleet(
  workers: readonly string[],
  options: { clock?: FakeClock; config?: Partial<ControlPlaneConfig> } = {},
): Promise<TestedControlPlane> {
  const plane = await startControlPlane(options);
  for (const id of workers) {
    await plane.register('worker', { id, hardwareClass: 'pc' });
    await plane.deliver(workerTopic(id, 'presence'), online());
  }
  for (const id of ids) {
    await plane.register('device', { id, hardwareClass: 'pi4' });
    await plane.deliver(deviceTopic(id, 'presence'), online());
  }
  return plane;
}

/** Has workers report each second for so long. */
async function report(
  plane: TestedControlPlane,
  clock: FakeClock,
  { seconds, loads }: { seconds: number; loads: Record<string, Load> },
): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const [id, message] of Object.entries(loads)) await plane.deliver(workerTopic(id, 'load'), message);
    clock.advance(1000);
  }
}

test('fault 3: a worker that dies loses all its devices at once, each told by a new configuration', async () => {
  const plane = await startFleet(['w1', 'w2']);
  const own = await devicesAt(plane, 'w1');
  expect(own).toHaveLength(4);
  const before = await Promise.all(ids.map(async (id) => (await configurationOf(plane, id)).version));
  await plane.deliver(workerTopic('w1', 'presence'), offline());
  for (const [index, id] of ids.entries()) {
    const { worker, version } = await configurationOf(plane, id);
    expect(worker?.id).toBe('w2');
    expect(version - (before[index] ?? 0)).toBe(own.includes(id) ? 1 : 0);
    const { reason, from } = await placementOf(plane, id);
    expect([reason, from]).toEqual(own.includes(id) ? ['worker-gone', 'w1'] : ['had-none', null]);
  }
  expect(await standingOf(plane, 'w1')).toMatchObject({ availability: 'offline', devices: 0, weight: 0 });
});

test('a worker that is asked to stop gives up its devices before it ends, and that is told apart from its death', async () => {
  const plane = await startFleet(['w1', 'w2']);
  const [device] = await devicesAt(plane, 'w1');
  await plane.deliver(workerTopic('w1', 'presence'), leaving());
  expect(await placementOf(plane, device ?? '')).toMatchObject({ worker: 'w2', reason: 'worker-left', from: 'w1' });
  expect(await standingOf(plane, 'w1')).toMatchObject({ availability: 'left' });
  // It says so again at the end, and its will follows: nothing changes.
  const { version } = await configurationOf(plane, device ?? '');
  await plane.deliver(workerTopic('w1', 'presence'), leaving());
  await plane.deliver(workerTopic('w1', 'presence'), offline());
  expect(await standingOf(plane, 'w1')).toMatchObject({ availability: 'left' });
  expect((await configurationOf(plane, device ?? '')).version).toBe(version);
  await plane.deliver(workerTopic('w1', 'presence'), online(2));
  expect(await standingOf(plane, 'w1')).toMatchObject({ availability: 'available' });
});

test('a worker that cannot serve the model in force gives up its devices', async () => {
  const plane = await startFleet(['w1', 'w2']);
  const [device] = await devicesAt(plane, 'w1');
  const reported = { schema: 1, version: 1, boot: 1, state: 'failed', error: 'model-invalid' };
  await plane.deliver(workerTopic('w1', 'reported'), { ...reported, modelDigest: plane.digest });
  expect((await placementOf(plane, device ?? '')).worker).toBe('w1');
  await plane.deliver(workerTopic('w1', 'reported'), { ...reported, modelDigest: null });
  expect(await placementOf(plane, device ?? '')).toMatchObject({ worker: 'w2', reason: 'worker-failed' });
  // What it said before it was started again says nothing of now.
  await plane.deliver(workerTopic('w1', 'presence'), online(2));
  expect(await standingOf(plane, 'w1')).toMatchObject({ availability: 'available' });
});

test('without any worker devices run alone, and have one as soon as one is there', async () => {
  const clock = createFakeClock();
  const plane = await startFleet(['w1'], { clock });
  clock.advance(60_000);
  await plane.deliver(workerTopic('w1', 'presence'), offline());
  expect(await configurationOf(plane, 'cam-0')).toMatchObject({ worker: null });
  expect(await placementOf(plane, 'cam-0')).toEqual({
    worker: null,
    since: '2020-01-01T00:01:00.000Z',
    reason: 'none-available',
    from: 'w1',
  });
  await plane.deliver(workerTopic('w1', 'presence'), online(2));
  expect(await devicesAt(plane, 'w1')).toEqual(ids);
});

test('devices are shared out by threads times the speed that the class was profiled with', async () => {
  const plane = await startControlPlane();
  const add = async (id: string, hardwareClass: string, threads: number): Promise<void> => {
    await plane.register('worker', { id, hardwareClass, threads });
    await plane.deliver(workerTopic(id, 'presence'), online());
  };
  await add('slow', 'old-pc', 2);
  await add('fast', 'pc', 1);
  await putProfile(plane, 'slow', profile('worker', 'old-pc', plane.digest, 20));
  await putProfile(plane, 'fast', profile('worker', 'pc', plane.digest, 2.5));
  for (const id of ids) await plane.register('device', { id, hardwareClass: 'pi4' });
  expect(await standingOf(plane, 'slow')).toMatchObject({ capacity: 100, weight: 100 });
  expect(await standingOf(plane, 'fast')).toMatchObject({ capacity: 400, weight: 400 });
  expect((await devicesAt(plane, 'slow')).length).toBeLessThanOrEqual(2);
});

test('a worker whose overload lasts gives up a device an interval, to one that has room', async () => {
  const clock = createFakeClock();
  const plane = await startFleet(['w1', 'w2'], { clock });
  const own = await devicesAt(plane, 'w1');
  await report(plane, clock, { seconds: 60, loads: { w1: load(0.5), w2: load(0.1) } });
  await report(plane, clock, { seconds: 15, loads: { w1: load(1), w2: load(0.1) } });
  expect(await devicesAt(plane, 'w1')).toEqual(own);
  expect((await standingOf(plane, 'w1')).overloadedSince).not.toBeNull();
  await report(plane, clock, { seconds: 15, loads: { w1: load(1), w2: load(0.1) } });
  const after = await devicesAt(plane, 'w1');
  expect(after).toHaveLength(own.length - 1);
  const [moved] = own.filter((id) => !after.includes(id));
  expect(await placementOf(plane, moved ?? '')).toMatchObject({
    worker: 'w2',
    reason: 'worker-overloaded',
    from: 'w1',
  });
  await report(plane, clock, { seconds: 120, loads: { w1: load(0.3), w2: load(0.3) } });
  expect(await devicesAt(plane, 'w1')).toEqual(after);
  expect((await standingOf(plane, 'w1')).overloadedSince).toBeNull();
});

test('a worker that comes back gets its share again, one device an interval, once it has stayed', async () => {
  const clock = createFakeClock();
  const plane = await startFleet(['w1', 'w2'], { clock });
  await report(plane, clock, { seconds: 60, loads: { w1: load(0.1), w2: load(0.1) } });
  await plane.deliver(workerTopic('w1', 'presence'), offline());
  await report(plane, clock, { seconds: 60, loads: { w2: load(0.2) } });
  await plane.deliver(workerTopic('w1', 'presence'), online(2));
  const counts: number[] = [];
  for (let seconds = 0; seconds < 80; seconds += 10) {
    await report(plane, clock, { seconds: 10, loads: { w1: load(0.05), w2: load(0.2) } });
    counts.push((await devicesAt(plane, 'w1')).length);
  }
  expect(counts.slice(0, 2)).toEqual([0, 0]);
  for (const [index, count] of counts.entries()) expect(count - (counts[index - 1] ?? 0)).toBeLessThanOrEqual(1);
  expect(counts.at(-1)).toBe(3);
  const [back] = await devicesAt(plane, 'w1');
  expect(await placementOf(plane, back ?? '')).toMatchObject({ reason: 'fair-share', from: 'w2' });
});

test('a control plane that is started anew moves nobody, and forgets neither overload nor when it moved devices', async () => {
  const clock = createFakeClock();
  const first = await startFleet(['w1', 'w2', 'w3'], { clock });
  await report(first, clock, { seconds: 60, loads: { w1: load(0.5), w2: load(0.1), w3: load(0.3) } });
  await report(first, clock, { seconds: 25, loads: { w1: load(1), w2: load(0.1), w3: load(0.3) } });
  const before = await Promise.all(ids.map((id) => configurationOf(first, id)));
  const placements = await Promise.all(ids.map((id) => placementOf(first, id)));
  const overloaded = await standingOf(first, 'w1');
  expect(placements.map(({ reason }) => reason)).toContain('worker-overloaded');
  await first.close();

  const second = await startControlPlane({ folder: first.folder, clock });
  expect(await Promise.all(ids.map((id) => configurationOf(second, id)))).toEqual(before);
  expect(await Promise.all(ids.map((id) => placementOf(second, id)))).toEqual(placements);
  expect(await standingOf(second, 'w1')).toEqual(overloaded);
});

test('devices of one worker are listed in pages', async () => {
  const plane = await startFleet(['w1']);
  const first = (await plane.getJson('/devices?worker=w1&limit=5')) as { items: { id: string }[]; next: string };
  expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 5));
  const rest = (await plane.getJson(`/devices?worker=w1&cursor=${first.next}`)) as { items: { id: string }[] };
  expect(rest.items.map(({ id }) => id)).toEqual(ids.slice(5));
  expect(await plane.getJson('/devices?worker=nobody')).toEqual({ items: [], next: null });
});
