import { describe, expect, test } from 'vitest';
import { changePolicy } from '../cli/platform/admin-client.ts';
import { readManifest } from '../shared/model/model-package.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { type Direction, directions } from '../shared/protocol/tensor-frame.ts';
import { imageEncodings, type WireEncoding, wireEncodings } from '../shared/protocol/wire-encoding.ts';
import { dataFile, repositoryFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { createExpectedLabels, wronglyLabelled } from './testing/expected-labels.ts';
import type { ShippedModel } from './testing/platform-options.ts';
import type { LoggedResult } from './testing/result-log.ts';
import { startTestDevice } from './testing/test-device.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const framesPerPlan = 2;
const noneMissed = 60_000;

/** @returns every exit with every partition that a direction has: whole branches are device-first alone */
async function everyCut(model: ShippedModel, direction: Direction): Promise<Plan[]> {
  const { exits } = await readManifest(repositoryFile('models', model));
  const first = direction === 'device-first' ? 0 : 1;
  return exits.flatMap(({ nodes }, index) =>
    Array.from({ length: nodes + 1 - 2 * first }, (_, i) => planOf(index + 1, first + i, 'f32', direction)),
  );
}

function planOf(exit: number, partition: number, encoding: WireEncoding, direction: Direction = 'device-first'): Plan {
  return { exit, partition, direction, encoding };
}

describe.skipIf(images === undefined)('a forced plan', () => {
  const cleanup = cleanupAfterAll();
  const platforms = new Map<ShippedModel, Promise<TestPlatform>>();
  let sweeps = 0;

  async function startPlatform(model: ShippedModel): Promise<TestPlatform> {
    const platform = await startTestPlatform({ cleanup, model, deadlineMs: noneMissed });
    await changePolicy(platform.httpUrl, platform.adminToken, {
      directions: [...directions],
      encodings: [...wireEncodings],
    });
    return platform;
  }

  /** Each model has one platform for all of its sweeps. */
  function platformOf(model: ShippedModel): Promise<TestPlatform> {
    const platform = platforms.get(model) ?? startPlatform(model);
    platforms.set(model, platform);
    return platform;
  }

  /** Runs these plans one after the other through the broker. @returns their frames, and how many ran in all */
  async function sweep(model: ShippedModel, plans: readonly Plan[]) {
    const platform = await platformOf(model);
    sweeps += 1;
    const remaining = plans.flatMap((plan) => Array.from({ length: framesPerPlan }, () => plan));
    const forced: LoggedResult[] = [];
    const device = await startTestDevice({
      cleanup,
      platform,
      id: `sweeper-${sweeps}`,
      config: { source: images ?? '', framesPerSecond: 500 },
      forcedPlan: () => remaining[0],
    });
    let looked = 0;
    await device.until('a frame of every plan', 60_000, (results) => {
      for (const result of results.slice(looked)) {
        const wanted = remaining[0];
        if (wanted === undefined || result.planned !== 'forced' || result.fallback !== null) continue;
        const { exit, partition, direction } = result.plan;
        if (exit !== `exit${wanted.exit}` || partition !== wanted.partition || direction !== wanted.direction) continue;
        forced.push(result);
        remaining.shift();
      }
      looked = results.length;
      return remaining.length === 0;
    });
    await device.stop();
    return { forced, results: [...device.results] };
  }

  test.each([
    ['branchy-alexnet-32', 'device-first'],
    ['branchy-alexnet-128', 'device-first'],
    ['branchy-alexnet-32', 'edge-first'],
    ['branchy-alexnet-128', 'edge-first'],
  ] as const)(
    'at every exit and every partition of %s, %s, labels each frame as evaluating the same cut does',
    async (model, direction) => {
      const plans = await everyCut(model, direction);
      const { forced, results } = await sweep(model, plans);
      expect(forced).toHaveLength(plans.length * framesPerPlan);
      // No frame came to nothing, not even while heads and tails were being loaded.
      expect(results.map(({ frame }) => frame)).toEqual(results.map((_, index) => index));
      // A cut in f32 loses nothing: the whole branch gives the label.
      const expected = createExpectedLabels(model, images ?? '', Math.min(1000, results.length));
      const wrong: string[] = [];
      expect(forced.map((result) => result.direction)).toEqual(forced.map(() => direction));
      for (const { exit, partition, name, label } of forced) {
        const right = (await expected.of({ exit })).get(name);
        if (right !== label) wrong.push(`${exit} @${partition} ${name}: ${label}, not ${right}`);
      }
      expect(wrong).toEqual([]);
      const helped = forced.filter(({ runtimeMs }) => runtimeMs.worker > 0);
      const wholeBranches = direction === 'device-first' ? new Set(plans.map(({ exit }) => exit)).size : 0;
      expect(helped).toHaveLength((plans.length - wholeBranches) * framesPerPlan);
    },
  );

  test('in u8 and f16 labels each frame as evaluating the same cut in the same encoding does', async () => {
    const plans = [planOf(1, 4, 'u8'), planOf(3, 2, 'f16'), planOf(5, 0, 'u8'), planOf(5, 9, 'u8')];
    const { forced, results } = await sweep('branchy-alexnet-32', plans);
    const expected = createExpectedLabels('branchy-alexnet-32', images ?? '', Math.min(1000, results.length));
    expect(forced.map(({ encoding }) => encoding)).toEqual(['u8', 'u8', 'f16', 'f16', 'u8', 'u8', 'u8', 'u8']);
    expect(await wronglyLabelled(forced, expected)).toEqual([]);
  });

  test('with the input as a JPEG or WebP file labels nearly each frame as the floats do, in a fraction of their bytes', async () => {
    const plans = [1, 3, 5].flatMap((exit) => imageEncodings.map((encoding) => planOf(exit, 0, encoding)));
    const model = 'branchy-alexnet-128';
    const { forced, results } = await sweep(model, plans);
    expect(forced.map(({ encoding }) => encoding)).toEqual(
      plans.flatMap(({ encoding }) => Array.from({ length: framesPerPlan }, () => encoding)),
    );
    const expected = createExpectedLabels(model, images ?? '', Math.min(1000, results.length));
    const u8Bytes = 3 * 128 * 128;
    let same = 0;
    for (const { exit, name, label, uploadBytes, finishedOn, breakdownMs, assumed } of forced) {
      expect(finishedOn).toBe('worker');
      expect(uploadBytes).toBeLessThan(u8Bytes / 5);
      expect(breakdownMs.encode).toBeGreaterThan(0);
      expect(assumed.imageCodecMs?.jpeg?.encodeMs).toBeGreaterThan(0);
      if ((await expected.of({ exit })).get(name) === label) same += 1;
    }
    expect(same).toBeGreaterThanOrEqual(forced.length - 2);
  });
});
