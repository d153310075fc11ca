import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeviceAgent } from '../../device-agent/agent.ts';
import { DeviceConfigSchema } from '../../device-agent/config.ts';
import type { Plan } from '../../shared/planner/plan.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { readConfig, toEnvironment } from '../../shared/runtime/config.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { percentile } from '../../shared/runtime/statistics.ts';
import type { BenchArea, BenchContext, BenchFigure } from './figure.ts';
import { figureOf } from './figure.ts';

/** The most that a frame may take beyond the runtime's own times, at a cut of 64 KiB, ms. */
const barMs = 1.5;
const rounds = 7;
const framesARound = 60;
/** Frames of a round that do not count: processors wake up, buffers grow. */
const warmUpFrames = 10;
const framesPerSecond = 1000;

/** Cuts that are compared: after conv2 of branchy-alexnet-32 the cut is 64 × 16 × 16 floats, 64 KiB. */
const cuts: { name: string; plan: Plan; bar: number | null }[] = [
  { name: '64 KiB cut', plan: { exit: 5, partition: 5, direction: 'device-first', encoding: 'f32' }, bar: barMs },
  { name: '12 KiB cut', plan: { exit: 5, partition: 0, direction: 'device-first', encoding: 'f32' }, bar: null },
  { name: '3 KiB cut', plan: { exit: 5, partition: 0, direction: 'device-first', encoding: 'u8' }, bar: null },
];

/** End-to-end latency less what onnxruntime itself takes on either side, over loopback without shaping. */
export const overheadArea: BenchArea = {
  name: 'overhead',
  description: 'end-to-end latency less the head’s and the tail’s own onnxruntime times, over loopback',
  run: measureOverhead,
};

async function measureOverhead(context: BenchContext): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-bench-'));
  const platform = await context.startPlatform(join(folder, 'platform'));
  try {
    const samples = await collect(context, platform, folder);
    return cuts.flatMap(({ name, bar }, index) => {
      const perRound = samples[index] ?? [];
      const at = (share: number): number[] => perRound.map((round) => percentile(round, share));
      const about = { area: 'overhead', unit: 'ms' };
      return [
        figureOf({ ...about, name: `${name}, median`, bar }, at(0.5)),
        figureOf({ ...about, name: `${name}, p95`, bar: null }, at(0.95)),
      ];
    });
  } finally {
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns for each cut, for each round, the overheads of its frames in ms; the cuts take turns */
async function collect(
  { progress }: BenchContext,
  platform: { httpUrl: string; enrolmentToken: string },
  folder: string,
): Promise<number[][][]> {
  const samples: number[][][] = cuts.map(() => []);
  let turn = 0;
  let seen: FrameResult[] = [];
  let done = (): void => undefined;
  const complete = new Promise<void>((resolve) => {
    done = resolve;
  });
  const agent = await createDeviceAgent({
    config: readConfig(
      DeviceConfigSchema,
      toEnvironment({
        id: 'bench',
        controlPlaneUrl: platform.httpUrl,
        enrolmentToken: platform.enrolmentToken,
        dataFolder: join(folder, 'device'),
        framesPerSecond,
        maxFrames: cuts.length * rounds * framesARound * 4,
      }),
    ),
    clock: systemClock,
    log: createLog('bench', 'warn'),
    forcedPlan: () => cuts[turn % cuts.length]?.plan,
    onResult(result) {
      if (result.planned !== 'forced' || result.finishedOn !== 'worker' || turn >= cuts.length * rounds) return;
      seen.push(result);
      if (seen.length < framesARound) return;
      samples[turn % cuts.length]?.push(seen.slice(warmUpFrames).map(overheadOf));
      seen = [];
      turn += 1;
      progress(`overhead: round ${turn} of ${cuts.length * rounds}`);
      if (turn === cuts.length * rounds) done();
    },
  });
  try {
    await agent.start();
    await Promise.race([agent.run(), complete]);
    return samples;
  } finally {
    await agent.stop();
  }
}

function overheadOf({ latencyMs, runtimeMs }: FrameResult): number {
  return latencyMs - runtimeMs.device - runtimeMs.worker;
}
