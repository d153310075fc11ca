import { beforeAll, describe, expect, test } from 'vitest';
import { ask, changePolicy } from '../cli/platform/admin-client.ts';
import { deviceConfigurationParser } from '../shared/protocol/messages.ts';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import type { LoggedResult } from './testing/result-log.ts';
import { startTestDevice, type TestDevice } from './testing/test-device.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const pushedWithinMs = 10_000;

/** @returns the versions under which frames ran with each deadline */
function versionsByDeadline(results: readonly LoggedResult[]): Map<number, number[]> {
  const versions = new Map<number, Set<number>>();
  for (const { deadlineMs, configurationVersion } of results) {
    versions.set(deadlineMs, (versions.get(deadlineMs) ?? new Set()).add(configurationVersion));
  }
  return new Map([...versions].map(([deadlineMs, found]) => [deadlineMs, [...found]]));
}

describe.skipIf(images === undefined)('a pushed configuration', () => {
  const cleanup = cleanupAfterAll();
  let platform: TestPlatform;
  let device: TestDevice;

  const startDevice = (): Promise<TestDevice> =>
    startTestDevice({
      cleanup,
      platform,
      id: 'configured',
      config: { source: images ?? '', framesPerSecond: 20, processorFactor: 50 },
    });
  const push = (deadlineMs: number): Promise<void> =>
    changePolicy(platform.httpUrl, platform.adminToken, { deadlineMs });
  const nextUnder = (deadlineMs: number): Promise<LoggedResult> =>
    device.next(`a frame under ${deadlineMs} ms`, pushedWithinMs, (result) => result.deadlineMs === deadlineMs);
  const versionInForce = (): number => device.results.at(-1)?.configurationVersion ?? 0;

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup, deadlineMs: 300 });
    device = await startDevice();
    await nextUnder(300);
  });

  test('is obeyed from one frame to the next: no frame mixes the new deadline with the old version', async () => {
    for (const deadlineMs of [310, 320, 330]) {
      const before = versionInForce();
      await push(deadlineMs);
      const first = await nextUnder(deadlineMs);
      expect(first.configurationVersion).toBeGreaterThan(before);
    }
    const versions = versionsByDeadline(device.results);
    expect([...versions.keys()]).toEqual([300, 310, 320, 330]);
    // Every version stands under one deadline, and they rise.
    const all = [...versions.values()].flat();
    expect(all).toEqual([...new Set(all)].sort((a, b) => a - b));
  });

  test('that was retained at the broker while the device was off is its first one after that', async () => {
    const before = versionInForce();
    await device.stop();
    await push(340);
    // The broker holds it when the control plane has heard of it; from here on the device is on its own.
    await platform.process('control-plane')?.stop();
    device = await startDevice();
    const { configurationVersion } = await nextUnder(340);
    expect(configurationVersion).toBeGreaterThan(before);
    expect([...versionsByDeadline(device.results).keys()].at(-1)).toBe(340);
  });

  test('is kept: restarted while the control plane is away, a device classifies on the worker under it', async () => {
    const before = versionInForce();
    await device.stop();
    expect(platform.process('control-plane')?.pid()).toBeUndefined();
    device = await startDevice();
    await device.until('ten frames on the worker', 20_000, (results) => {
      return results.filter(({ finishedOn }) => finishedOn === 'worker').length >= 10;
    });
    expect(versionsByDeadline(device.results)).toEqual(new Map([[340, [before]]]));
    await device.stop();
  });
});

describe.skipIf(images === undefined)('a change of the model', () => {
  const cleanup = cleanupAfterAll();

  test('leaves no frame without an answer: the new one serves at once, by what is predicted of it', async () => {
    const platform = await startTestPlatform({ cleanup, deadlineMs: 1000 });
    const device = await startTestDevice({
      cleanup,
      platform,
      id: 'changing',
      config: { source: images ?? '', framesPerSecond: 20 },
    });
    await device.until('ten frames', 10_000, (results) => results.length >= 10);
    const before = device.results.at(-1)?.configurationVersion ?? 0;
    await changePolicy(platform.httpUrl, platform.adminToken, { model: 'branchy-alexnet-128', deadlineMs: 1001 });
    const init = { headers: { authorization: `Bearer ${platform.adminToken}` } };
    const pushed = deviceConfigurationParser.parse(
      await (await ask(`${platform.httpUrl}/api/v1/devices/changing/configuration`, init)).json(),
    );
    expect(pushed).toMatchObject({ profileRequested: true, deviceProfile: { source: 'predicted' } });
    expect(pushed.worker?.profile).toMatchObject({ source: 'predicted', fit: { medianError: expect.any(Number) } });
    const first = await device.next('a frame by predictions', 20_000, ({ deadlineMs }) => deadlineMs === 1001);
    expect(first.configurationVersion).toBeGreaterThan(before);
    const from = device.results.length;
    await device.until('forty frames more', 20_000, (results) => results.length >= from + 40);
    expect(device.results.slice(from).every(({ deadlineMs }) => deadlineMs === 1001)).toBe(true);
    await changePolicy(platform.httpUrl, platform.adminToken, { model: 'branchy-alexnet-32', deadlineMs: 1002 });
    await device.next('a frame under the next configuration', 20_000, ({ deadlineMs }) => deadlineMs === 1002);
    expect(device.results.map(({ frame }) => frame)).toEqual(device.results.map((_, index) => index));
  });
});
