import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { changePolicy, untilConfigured, untilServing } from '../cli/platform/admin-client.ts';
import { startPlatform } from '../cli/platform/platform.ts';
import { type Bed, type BedDevice, openBed } from '../experiments/bench/bound/bed.ts';
import { allowedBehindMs, compareRivals, fastestRival } from '../experiments/bench/bound/compare-rivals.ts';
import { measurePlans } from '../experiments/bench/bound/measure-plans.ts';
import { sendingPlans } from '../experiments/bench/bound/sending-plans.ts';
import { loopbackSetting } from '../experiments/bench/bound/settings.ts';
import type { BenchContext } from '../experiments/bench/figure.ts';
import { openKernelLink } from '../experiments/emulation/kernel-link.ts';
import { kernelLinkObstacle } from '../experiments/emulation/testing/kernel-link-obstacle.ts';
import { openModel } from '../experiments/reproduce/models.ts';
import { type Cleanup, cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { platformOptions } from './testing/platform-options.ts';
import { profiledState } from './testing/profiled-state.ts';

const model = 'branchy-alexnet-32';
const setting = { ...loopbackSetting, framesARound: 2 };

function benchContext(): BenchContext {
  return {
    progress: () => undefined,
    keep: async () => undefined,
    budgetMs: 60_000,
    async startPlatform(stateFolder, place) {
      const options = platformOptions(stateFolder, model);
      const platform = await startPlatform({ ...options, ...(place === undefined ? {} : { place }) });
      const { httpUrl, adminToken } = platform;
      const patience = { timeoutMs: 180_000, signal: new AbortController().signal };
      return {
        ...platform,
        changePolicy: (change) => changePolicy(httpUrl, adminToken, change),
        untilConfigured: (device) => untilConfigured(platform, [device], patience),
        untilServing: (worker) => untilServing(platform, worker, patience),
        pid: (name) => platform.process(name)?.pid(),
      };
    },
  };
}

/** @returns a folder for a bed whose platform has its profiles */
async function profiledFolder(cleanup: Cleanup): Promise<string> {
  const folder = await temporaryFolder(cleanup);
  await cp(await profiledState(model), join(folder, 'platform'), { recursive: true });
  return folder;
}

async function openDevice(bed: Bed, cleanup: Cleanup): Promise<BedDevice> {
  const device = await bed.openDevice(1);
  cleanup.add(device.close);
  return device;
}

describe('a frame beside its bound', () => {
  const cleanup = cleanupAfterAll();
  let device: BedDevice;
  beforeAll(async () => {
    const bed = await openBed({ context: benchContext(), folder: await profiledFolder(cleanup), link: null });
    cleanup.add(bed.close);
    device = await openDevice(bed, cleanup);
  });

  test('takes longer than its head, its bare transfer and its tail together, in either direction', async () => {
    const plans = sendingPlans((await openModel(model)).description).filter(
      ({ plan }) => plan.exit === 5 && plan.partition === 5 && plan.encoding === 'f32',
    );
    const measured = await measurePlans({
      device,
      setting,
      plans,
      rounds: 3,
      budgetMs: 60_000,
      progress: () => undefined,
    });
    expect(measured.map(({ sending }) => sending.plan.direction)).toEqual(['device-first', 'edge-first']);
    for (const { rounds, excess } of measured) {
      expect(rounds).toHaveLength(3);
      expect(excess.boundMs).toBeGreaterThan(0.1);
      expect(excess.excessMs).toBeGreaterThan(0);
      expect(excess.latencyMs).toBeLessThan(1000);
    }
  });

  test('and what would be used without the platform are measured in turns', async () => {
    const comparison = await compareRivals({ device, setting, processorFactor: 1, rounds: 3 });
    expect(comparison.platform).toHaveLength(3);
    expect(comparison.rivals.map(({ rounds }) => rounds.length)).toEqual([3, 3, 3, 3, 3]);
    const fastest = fastestRival(comparison);
    expect(fastest.ms).toBeGreaterThan(0);
    expect(allowedBehindMs(fastest.ms)).toBeGreaterThanOrEqual(1);
  });
});

const obstacle = await kernelLinkObstacle();

describe.skipIf(obstacle !== undefined)(`over a link that the kernel shapes (${obstacle ?? 'there is one'})`, () => {
  const cleanup = cleanupAfterAll();

  test('the platform serves in two network namespaces, and a cut takes as long as the rate has it', async () => {
    const link = await openKernelLink();
    cleanup.add(link.close);
    const folder = await profiledFolder(cleanup);
    const context = benchContext();
    const first = await openBed({ context, folder, link: null });
    cleanup.add(first.close);
    const before = await first.openDevice(1);
    await before.close();
    await first.close();
    const bed = await openBed({ context, folder, link });
    cleanup.add(bed.close);
    const device = await openDevice(bed, cleanup);
    const plan = { exit: 5, partition: 0, direction: 'device-first', encoding: 'f32' } as const;
    await device.prepare(plan);
    await bed.shape(1);
    const { latencyMs } = await device.frame(plan);
    expect(latencyMs).toBeGreaterThan(0.9 * 98.3);
    expect(latencyMs).toBeLessThan(1000);
  });
});
