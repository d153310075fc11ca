import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../shared/runtime/clock.ts';
import { startRelay } from './relay.ts';
import { reportSteadily, startTelemetryRig, type TelemetryRig } from './telemetry-rig.ts';

/** Faults of the way from a device's disk into the store, each in the size that the test wants. */

const deliveredWithinMs = 120_000;

/** Each report is in the store once, and counted once. */
async function expectExactlyOnce(rig: TelemetryRig, id: string, reports: number): Promise<void> {
  await expect
    .poll(() => rig.plane.store.members.device(id)?.totals.frames, { timeout: deliveredWithinMs, interval: 200 })
    .toBe(reports);
  expect(rig.stored(id)).toEqual({ reports, frames: reports, lost: 0 });
}

/** The broker dies at random while devices report. @returns what was seen, for people */
export async function brokerKilledUnderLoad(options: {
  devices: number;
  reportsPerDevice: number;
  kills: number;
}): Promise<string> {
  const { devices: count, reportsPerDevice, kills } = options;
  const rig = await startTelemetryRig();
  const devices = await Promise.all(Array.from({ length: count }, (_, index) => rig.addDevice(`device-${index}`)));
  const acknowledged = (): number => devices.reduce((sum, device) => sum + device.acknowledged(), 0);
  // Spread over the kills: a quarter of a second each at least.
  const steps = 5 * kills;
  const perStep = Math.ceil(reportsPerDevice / steps);
  const reporting = devices.map((device) =>
    reportSteadily(device, { reports: reportsPerDevice, perStep, pauseMs: 300 }),
  );
  let checked = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const before = acknowledged();
    await expect.poll(() => acknowledged() > before || reachedAll(), { timeout: 60_000, interval: 20 }).toBe(true);
    await new Promise<void>((resolve) => systemClock.after(500 * Math.random(), resolve));
    await rig.replaceBroker();
    for (const device of devices) {
      const said = device.acknowledged();
      expect(rig.stored(device.id).reports, `${device.id} after kill ${kill + 1}`).toBeGreaterThanOrEqual(said);
      checked += said;
    }
  }
  function reachedAll(): boolean {
    return acknowledged() === count * reportsPerDevice;
  }
  await Promise.all(reporting);
  for (const device of devices) await expectExactlyOnce(rig, device.id, reportsPerDevice);
  return `${count * reportsPerDevice} reports, ${kills} kills; ${checked} acknowledgements checked right after them`;
}

/** All connections of a device are reset every two seconds. */
export async function connectionKilledEveryTwoSeconds(reports: number): Promise<string> {
  const rig = await startTelemetryRig();
  const relay = await startRelay(rig.brokerUrl);
  onTestFinished(relay.close);
  const device = await rig.addDevice('device-1', { url: relay.url });
  let cuts = 0;
  const cutting = setInterval(() => {
    relay.cut();
    cuts += 1;
  }, 2000);
  onTestFinished(() => clearInterval(cutting));
  await reportSteadily(device, { reports, perStep: Math.ceil(reports / 50), pauseMs: 250 });
  await expectExactlyOnce(rig, device.id, reports);
  clearInterval(cutting);
  await expect.poll(device.acknowledged, { timeout: 30_000 }).toBe(reports);
  expect(cuts).toBeGreaterThanOrEqual(5);
  return `${reports} reports, ${cuts} cuts`;
}

/** Nothing passes any more either way, and nothing is closed; then everything passes again. */
export async function partition(options: { silentMs: number; keepaliveSeconds: number }): Promise<string> {
  const { silentMs, keepaliveSeconds } = options;
  const rig = await startTelemetryRig();
  const relay = await startRelay(rig.brokerUrl);
  onTestFinished(relay.close);
  const device = await rig.addDevice('device-1', { url: relay.url, keepaliveSeconds });
  const isOnline = (): boolean | undefined => rig.plane.store.members.device('device-1')?.online;
  await device.report(50);
  await expect.poll(() => isOnline() && device.acknowledged() === 50, { timeout: 20_000 }).toBe(true);

  relay.silence();
  const silentFromMs = systemClock.nowMs();
  const reporting = reportSteadily(device, { reports: 500, perStep: 5, pauseMs: silentMs / 100 });
  await expect.poll(isOnline, { timeout: 3000 * keepaliveSeconds, interval: 20 }).toBe(false);
  const willMs = systemClock.nowMs() - silentFromMs;
  await expect.poll(device.connected, { timeout: 3000 * keepaliveSeconds, interval: 20 }).toBe(false);
  await reporting;
  expect(rig.stored('device-1').reports).toBe(50);

  relay.restore();
  const restoredMs = systemClock.nowMs();
  await expectExactlyOnce(rig, device.id, 550);
  await expect.poll(isOnline, { timeout: 20_000 }).toBe(true);
  const syncMs = systemClock.nowMs() - restoredMs;
  const keepalives = willMs / (1000 * keepaliveSeconds);
  // A little more than one and a half, for what takes its turn on a busy machine.
  expect(keepalives).toBeLessThan(1.5 + 1 / keepaliveSeconds);
  return `will after ${keepalives.toFixed(2)} keepalives; 500 reports there ${Math.round(syncMs)} ms after it ended`;
}
