import { expect, test } from 'vitest';
import type { Drift } from '../../shared/protocol/messages.ts';
import { deviceTopic, workerTopic } from '../../shared/protocol/topics.ts';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { offline, online, profile } from '../testing/messages.ts';
import { configurationOf, putProfile } from '../testing/operate.ts';
import { startControlPlane, type TestedControlPlane } from '../testing/start-control-plane.ts';

const persistMs = 60_000;
const gapMs = 3_600_000;
const leaseMs = 180_000;
const ids = ['pi-1', 'pi-2', 'pi-3'];

/** @returns the devices and workers that are asked for a profile */
async function asked(plane: TestedControlPlane): Promise<string[]> {
  const devices = await Promise.all(
    ids.map(async (id) => ((await configurationOf(plane, id)).profileRequested ? [id] : [])),
  );
  const worker = (await plane.getJson('/workers/w1/configuration')) as { profilesRequested: string[] };
  return [...devices.flat(), ...(worker.profilesRequested.length > 0 ? ['w1'] : [])];
}

function putTimes(plane: TestedControlPlane, tier: 'device' | 'worker', id: string, ms: number): Promise<void> {
  return putProfile(plane, id, profile(tier, tier === 'device' ? 'pi4' : 'pc', plane.digest, ms));
}

async function report(plane: TestedControlPlane, id: string, drift?: Drift): Promise<void> {
  const base = { schema: 1, version: 1, boot: 1, modelDigest: plane.digest, state: 'ready' };
  await plane.deliver(deviceTopic(id, 'reported'), drift === undefined ? base : { ...base, drift });
}

/** Three devices of one class at one worker, all online, all measured, nothing asked for. */
async function startFleet(clock = createFakeClock(), folder?: string): Promise<TestedControlPlane> {
  const plane = await startControlPlane(folder === undefined ? { clock } : { clock, folder });
  await plane.register('worker', { id: 'w1', hardwareClass: 'pc' });
  await plane.deliver(workerTopic('w1', 'presence'), online());
  for (const id of ids) {
    await plane.register('device', { id, hardwareClass: 'pi4' });
    await plane.deliver(deviceTopic(id, 'presence'), online());
    await report(plane, id);
  }
  await putTimes(plane, 'device', 'pi-1', 1);
  await putTimes(plane, 'worker', 'w1', 9);
  expect(await asked(plane)).toEqual([]);
  return plane;
}

test('a class that drifts for a minute is measured anew by one of those that do, and all get the new profile', async () => {
  const clock = createFakeClock();
  const plane = await startFleet(clock);
  const headers = { ...plane.admin, 'if-match': '*' };
  await plane.http.inject({ method: 'PUT', url: '/api/v1/policy', headers, payload: { configurator: 'dynamic' } });
  const before = await configurationOf(plane, 'pi-1');
  await report(plane, 'pi-2', { device: 2 });
  await report(plane, 'pi-3', { device: 2.5 });
  clock.advance(persistMs - 1);
  expect(await asked(plane)).toEqual([]);
  clock.advance(1);
  expect(await asked(plane)).toEqual(['pi-2']);
  expect((await configurationOf(plane, 'pi-2')).deviceProfile).toEqual(before.deviceProfile);

  await putTimes(plane, 'device', 'pi-2', 2);
  expect(await asked(plane)).toEqual([]);
  const after = await configurationOf(plane, 'pi-1');
  expect(after.version).toBe(before.version + 1);
  expect(after.deviceProfile?.exits[0]?.head.at(-1)?.medianMs).toBe(2);
  expect(after.map?.revision).not.toBe(before.map?.revision);
});

test('one slow device of three, and drift that passes, have nothing measured', async () => {
  const clock = createFakeClock();
  const plane = await startFleet(clock);
  await report(plane, 'pi-1', { device: 3 });
  clock.advance(10 * persistMs);
  expect(await asked(plane)).toEqual([]);
  await report(plane, 'pi-2', { device: 3 });
  clock.advance(persistMs - 1);
  await report(plane, 'pi-1');
  await report(plane, 'pi-1', { device: 3 });
  clock.advance(persistMs - 1);
  expect(await asked(plane)).toEqual([]);
  clock.advance(1);
  expect(await asked(plane)).toEqual(['pi-1']);
});

test('an unanswered request ends with its lease, and the class rests for the gap, through a restart too', async () => {
  const clock = createFakeClock();
  const first = await startFleet(clock);
  for (const id of ids) await report(first, id, { device: 2 });
  clock.advance(persistMs);
  expect(await asked(first)).toEqual(['pi-1']);
  clock.advance(leaseMs / 2);
  await first.deliver(deviceTopic('pi-1', 'presence'), offline());
  expect(await asked(first)).toEqual(['pi-2']);
  clock.advance(leaseMs / 2);
  expect(await asked(first)).toEqual([]);
  await first.close();

  const second = await startControlPlane({ folder: first.folder, clock });
  clock.advance(gapMs - leaseMs - 1);
  expect(await asked(second)).toEqual([]);
  clock.advance(1);
  expect(await asked(second)).toEqual(['pi-2']);
});

test('a device whose drift comes and goes, with profiles that do not help, is measured once a gap', async () => {
  const clock = createFakeClock();
  const plane = await startFleet(clock);
  let requests = 0;
  for (let minute = 0; minute < 120; minute += 1) {
    const drift = { device: minute % 2 === 0 ? 2 : 3 };
    for (const id of ids) await report(plane, id, drift);
    clock.advance(persistMs);
    const [holder] = await asked(plane);
    if (holder === undefined) continue;
    requests += 1;
    await putTimes(plane, 'device', holder, 2 + minute);
  }
  expect(requests).toBe(2);
});

test('a worker whose devices see it drift is asked to measure anew', async () => {
  const clock = createFakeClock();
  const plane = await startFleet(clock);
  await report(plane, 'pi-1', { worker: 2 });
  await report(plane, 'pi-2', { worker: 2 });
  clock.advance(persistMs);
  expect(await asked(plane)).toEqual(['w1']);
  await putTimes(plane, 'worker', 'w1', 18);
  expect(await asked(plane)).toEqual([]);
  const { worker } = await configurationOf(plane, 'pi-3');
  expect(worker?.profile?.exits[0]?.tail[0]?.medianMs).toBe(18);
});
