import { describe, expect, test } from 'vitest';
import { readManifest } from '../shared/model/model-package.ts';
import type { Plan } from '../shared/planner/plan.ts';
import type { Encoding } from '../shared/protocol/tensor-encoding.ts';
import { dataFile, repositoryFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { createExpectedLabels, wronglyLabelled } from './testing/expected-labels.ts';
import type { ShippedModel } from './testing/platform-options.ts';
import type { LoggedResult } from './testing/result-log.ts';
import { startTestDevice } from './testing/test-device.ts';
import { startTestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const framesPerPlan = 2;
const noneMissed = 60_000;

/** @returns every exit with every partition, whole branches included */
async function everyCut(model: ShippedModel): Promise<Plan[]> {
  const { exits } = await readManifest(repositoryFile('models', model));
  return exits.flatMap(({ nodes }, index) =>
    Array.from({ length: nodes + 1 }, (_, partition) => planOf(index + 1, partition, 'f32')),
  );
}

function planOf(exit: number, partition: number, encoding: Encoding): Plan {
  return { exit, partition, direction: 'device-first', encoding };
}

describe.skipIf(images === undefined)('a forced plan', () => {
  const cleanup = cleanupAfterAll();

  /** Runs these plans one after the other through the broker. @returns their frames, and how many ran in all */
  async function sweep(model: ShippedModel, plans: readonly Plan[]) {
    const platform = await startTestPlatform({ cleanup, model, deadlineMs: noneMissed });
    const remaining = plans.flatMap((plan) => Array.from({ length: framesPerPlan }, () => plan));
    const forced: LoggedResult[] = [];
    const device = await startTestDevice({
      cleanup,
      platform,
      id: 'sweeper',
      config: { source: images ?? '', framesPerSecond: 500 },
      forcedPlan: () => remaining[0],
    });
    let looked = 0;
    await device.until('a frame of every plan', 60_000, (results) => {
      for (const result of results.slice(looked)) {
        const wanted = remaining[0];
        if (wanted === undefined || result.planned !== 'forced' || result.fallback !== null) continue;
        if (result.plan.exit !== `exit${wanted.exit}` || result.plan.partition !== wanted.partition) continue;
        forced.push(result);
        remaining.shift();
      }
      looked = results.length;
      return remaining.length === 0;
    });
    await device.stop();
    return { forced, results: [...device.results] };
  }

  test.each(['branchy-alexnet-32', 'branchy-alexnet-128'] as const)(
    'at every exit and every partition of %s labels each frame as evaluating the same cut does',
    async (model) => {
      const plans = await everyCut(model);
      const { forced, results } = await sweep(model, plans);
      expect(forced).toHaveLength(plans.length * framesPerPlan);
      // No frame came to nothing, not even while heads and tails were being loaded.
      expect(results.map(({ frame }) => frame)).toEqual(results.map((_, index) => index));
      // A cut in f32 loses nothing: the whole branch gives the label.
      const expected = createExpectedLabels(model, images ?? '', Math.min(1000, results.length));
      const wrong: string[] = [];
      for (const { exit, partition, name, label } of forced) {
        const right = (await expected.of({ exit })).get(name);
        if (right !== label) wrong.push(`${exit} @${partition} ${name}: ${label}, not ${right}`);
      }
      expect(wrong).toEqual([]);
      const onDevice = forced.filter(({ finishedOn }) => finishedOn === 'device');
      expect(onDevice).toHaveLength(new Set(plans.map(({ exit }) => exit)).size * framesPerPlan);
    },
  );

  test('in u8 and f16 labels each frame as evaluating the same cut in the same encoding does', async () => {
    const plans = [planOf(1, 4, 'u8'), planOf(3, 2, 'f16'), planOf(5, 0, 'u8'), planOf(5, 9, 'u8')];
    const { forced, results } = await sweep('branchy-alexnet-32', plans);
    const expected = createExpectedLabels('branchy-alexnet-32', images ?? '', Math.min(1000, results.length));
    expect(forced.map(({ encoding }) => encoding)).toEqual(['u8', 'u8', 'f16', 'f16', 'u8', 'u8', 'u8', 'u8']);
    expect(await wronglyLabelled(forced, expected)).toEqual([]);
  });
});
