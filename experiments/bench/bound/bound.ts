import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFleetError, messageOf } from '../../../shared/runtime/errors.ts';
import { type KernelLink, openKernelLink } from '../../emulation/kernel-link.ts';
import { openModel } from '../../reproduce/models.ts';
import type { BenchArea, BenchContext, BenchFigure } from '../figure.ts';
import { type Bed, type BedDevice, openBed } from './bed.ts';
import { type Comparison, compareRivals } from './compare-rivals.ts';
import { comparisonFigures, planFigures, rateFigure } from './figures.ts';
import { measurePlans } from './measure-plans.ts';
import { comparisonPicture, excessPicture } from './pictures.ts';
import { type SendingPlan, sendingPlans } from './sending-plans.ts';
import { linkSettings, loopbackSetting, processorFactors, type Setting } from './settings.ts';

/** A frame's latency against the least that physics allows, on loopback and on links that the kernel shapes. */
export const boundArea: BenchArea = {
  name: 'bound',
  description:
    'each plan’s latency against head + bare TCP transfer + tail, and the platform beside HTTP, plain MQTT and the device alone',
  run: measureBound,
};

const rounds = 5;
const comparisonRounds = 7;
/** Of the time, what the plans get; the rest is for starting and comparing. */
const planShare = 0.75;
/** The compilers of all processes take some hundred frames to settle. */
const warmUpFrames = 400;
/** Small frames from which the device learns the rate of a link. */
const settleFrames = 8;
const settlingPlan = { exit: 1, partition: 0, direction: 'device-first', encoding: 'u8' } as const;
/** Of a bare transfer that shows what rate a link has. */
const probedBytes = [12_288, 65_536];

interface Run {
  context: BenchContext;
  folder: string;
  plans: readonly SendingPlan[];
}

async function measureBound(context: BenchContext): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-bound-'));
  try {
    const run = { context, folder, plans: sendingPlans((await openModel('branchy-alexnet-32')).description) };
    const onLoopback = await measureOn(run, null, [loopbackSetting]);
    const link = await openLink(context);
    try {
      const onLink = link === null ? [] : await measureOn(run, link, linkSettings);
      return await summarise(context, [...onLoopback, ...onLink]);
    } finally {
      await link?.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns null where the kernel shapes no link here: what needs one is left out, and people are told so */
async function openLink({ progress }: BenchContext): Promise<KernelLink | null> {
  try {
    return await openKernelLink();
  } catch (error) {
    if (!isFleetError(error, 'link-unavailable')) throw error;
    progress(`bound: shaped links are left out: ${messageOf(error)}`);
    return null;
  }
}

/** What was found in one setting by one device. */
interface Found {
  figures: BenchFigure[];
  comparison: Comparison;
}

async function measureOn(run: Run, link: KernelLink | null, settings: readonly Setting[]): Promise<Found[]> {
  const bed = await openBed({ ...run, link });
  try {
    const found: Found[] = [];
    for (const processorFactor of processorFactors) {
      await bed.shape(null);
      const device = await bed.openDevice(processorFactor);
      try {
        await warmUp(device);
        for (const setting of settings)
          found.push(await measureSetting(run, { bed, device, setting, processorFactor }));
      } finally {
        await device.close();
      }
    }
    return found;
  } finally {
    await bed.close();
  }
}

interface Place {
  bed: Bed;
  device: BedDevice;
  setting: Setting;
  processorFactor: number;
}

async function measureSetting(run: Run, { bed, device, setting, processorFactor }: Place): Promise<Found> {
  const { progress } = run.context;
  progress(`bound: ${setting.name}, device ${processorFactor} times slower`);
  await bed.shape(setting.mbps);
  await device.prepare(settlingPlan);
  for (let i = 0; i < settleFrames; i += 1) await device.frame(settlingPlan);
  // The bound is of what this machine computes: an emulated processor would only add to both sides.
  const figures = processorFactor === 1 ? await measureBounds(run, device, setting) : [];
  const comparison = await compareRivals({ device, setting, processorFactor, rounds: comparisonRounds });
  return { figures: [...figures, ...comparisonFigures(comparison)], comparison };
}

/** Over the unshaped link. */
async function warmUp(device: BedDevice): Promise<void> {
  await device.prepare(settlingPlan);
  for (let i = 0; i < warmUpFrames; i += 1) await device.frame(settlingPlan);
}

async function measureBounds({ context, plans }: Run, device: BedDevice, setting: Setting): Promise<BenchFigure[]> {
  const rates: BenchFigure[] = [];
  for (const bytes of probedBytes) rates.push(rateFigure(setting, bytes, await bareRates(device, bytes)));
  const measured = await measurePlans({
    device,
    setting,
    plans,
    rounds,
    progress: context.progress,
    budgetMs: context.budgetMs * planShare * setting.timeShare,
  });
  const file = `bound-${setting.name.replace(/[^0-9a-z.]+/gi, '-')}`;
  await context.keep(`${file}.svg`, excessPicture(setting, measured));
  await context.keep(`${file}.json`, `${JSON.stringify(measured, null, 1)}\n`);
  return [...rates, ...planFigures(setting, measured, plans.length)];
}

/** @returns what bare transfers of so many bytes come to, Mbit/s */
async function bareRates(device: BedDevice, upBytes: number): Promise<number[]> {
  const exchange = { before: null, upBytes, worker: null, downBytes: 16, after: null };
  await device.expect(exchange);
  const rates: number[] = [];
  while (rates.length < rounds) {
    const { wireMs } = await device.exchange(exchange);
    rates.push((upBytes * 8) / (wireMs * 1000));
  }
  return rates;
}

async function summarise({ keep }: BenchContext, found: readonly Found[]): Promise<BenchFigure[]> {
  for (const factor of processorFactors) {
    const comparisons = found.map(({ comparison }) => comparison).filter((one) => one.processorFactor === factor);
    await keep(`bound-compared-${factor}.svg`, comparisonPicture(factor, comparisons));
  }
  return found.flatMap(({ figures }) => figures);
}
