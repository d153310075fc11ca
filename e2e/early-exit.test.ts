import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { ask, changePolicy } from '../cli/platform/admin-client.ts';
import { createParser } from '../shared/runtime/schema.ts';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { startTestDevice } from './testing/test-device.ts';
import { startTestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const deadlineMs = 1000;
const frames = 60;

const deviceParser = createParser(
  Type.Object({ totals: Type.Object({ earlyExitsAsked: Type.Integer(), earlyExitsAnswered: Type.Integer() }) }),
  'http-answer-unexpected',
  'device',
);

describe.skipIf(images === undefined)('a device whose policy allows early exits', () => {
  const cleanup = cleanupAfterAll();

  test('ends a good part of its frames by itself, in time and with nothing sent; the rest goes to the worker', async () => {
    const platform = await startTestPlatform({ cleanup, deadlineMs });
    await changePolicy(platform.httpUrl, platform.adminToken, { earlyExit: { accuracyLoss: 0.01 } });
    const config = { source: images ?? '', framesPerSecond: 10, plan: '5,8,u8' };
    const device = await startTestDevice({ cleanup, platform, id: 'cam', config });
    await device.until('an exit that is asked', 30_000, (results) => results.some(({ earlyExit }) => earlyExit));
    const before = device.results.length;
    await device.until('enough frames', 60_000, ({ length }) => length >= before + frames);

    const asked = device.results.filter(({ earlyExit }) => earlyExit !== undefined);
    expect(asked.length).toBeGreaterThan(0.8 * frames);
    const sure = asked.filter(({ earlyExit }) => earlyExit?.confident);
    const unsure = asked.filter(({ earlyExit }) => earlyExit?.confident === false);
    expect(sure.length / asked.length).toBeGreaterThan(0.3);
    expect(unsure.length / asked.length).toBeGreaterThan(0.1);
    for (const result of sure) {
      expect(result).toMatchObject({ exit: 'exit2', finishedOn: 'device', fallback: null, uploadBytes: 0, met: true });
      expect(result).toMatchObject({ plan: { exit: 'exit5', partition: 8 }, continuedFrom: 8 });
      expect(result.earlyExit?.entropy).toBeLessThan(result.earlyExit?.threshold ?? 0);
    }
    for (const result of unsure) {
      expect(result.earlyExit?.entropy).toBeGreaterThanOrEqual(result.earlyExit?.threshold ?? 0);
    }
    expect(unsure.some(({ finishedOn, uploadBytes }) => finishedOn === 'worker' && uploadBytes > 0)).toBe(true);
    expect(unsure.filter(({ met }) => met).length / unsure.length).toBeGreaterThan(0.9);

    await device.stop();
    const all = device.results.flatMap(({ earlyExit }) => earlyExit ?? []);
    const counted = { earlyExitsAsked: all.length, earlyExitsAnswered: all.filter((each) => each.confident).length };
    const headers = { authorization: `Bearer ${platform.adminToken}` };
    await expect
      .poll(async () =>
        deviceParser.parse(await (await ask(`${platform.httpUrl}/api/v1/devices/cam`, { headers })).json()),
      )
      .toMatchObject({ totals: counted });
  });
});
