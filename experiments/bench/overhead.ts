import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeviceAgent } from '../../device-agent/agent.ts';
import { type DeviceConfig, DeviceConfigSchema } from '../../device-agent/config.ts';
import type { Plan } from '../../shared/planner/plan.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { readConfig, toEnvironment } from '../../shared/runtime/config.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { percentile } from '../../shared/runtime/statistics.ts';
import type { BenchArea, BenchContext, BenchFigure } from './figure.ts';
import { figureOf } from './figure.ts';
import { type BareHops, startBareHops } from './hops/bare-hops.ts';

/** The most that a frame may take beyond the runtime's own times, at a cut of 64 KiB, ms. */
const barMs = 1.5;
const rounds = 7;
const framesARound = 100;
/** Rounds before those that count: the compilers of all three processes take some thousand frames to settle. */
const warmUpRounds = 10;
/** Frames of a round that do not count: processors wake up, buffers grow. */
const warmUpFrames = 10;
const framesPerSecond = 1000;
/** Pause between two bare messages, ms: about what inference takes between two messages of a frame. */
const gapMs = 2;

/** Cuts that are compared: after conv2 of branchy-alexnet-32 the cut is 64 × 16 × 16 floats, 64 KiB. */
const cuts: { name: string; bytes: number; plan: Plan; bar: number | null }[] = [
  {
    name: '64 KiB cut',
    bytes: 65_536,
    plan: { exit: 5, partition: 5, direction: 'device-first', encoding: 'f32' },
    bar: barMs,
  },
  {
    name: '12 KiB cut',
    bytes: 12_288,
    plan: { exit: 5, partition: 0, direction: 'device-first', encoding: 'f32' },
    bar: null,
  },
  {
    name: '3 KiB cut',
    bytes: 3072,
    plan: { exit: 5, partition: 0, direction: 'device-first', encoding: 'u8' },
    bar: null,
  },
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
  const hops = await startBareHops();
  try {
    const samples = await collect(context, { ...platform, folder, hops });
    return cuts.flatMap((cut, index) => figuresOf(cut, samples[index] ?? []));
  } finally {
    await hops.close();
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What one round of one cut gave, ms. */
interface Round {
  overheads: number[];
  bareHops: number[];
}

function figuresOf({ name, bar }: (typeof cuts)[number], perRound: readonly Round[]): BenchFigure[] {
  const about = { area: 'overhead', unit: 'ms' };
  const overheads = (share: number): number[] => perRound.map((round) => percentile(round.overheads, share));
  const bareHops = perRound.map((round) => percentile(round.bareHops, 0.5));
  const above = overheads(0.5).map((value, index) => value - (bareHops[index] ?? 0));
  return [
    figureOf({ ...about, name: `${name}, median`, bar }, overheads(0.5)),
    figureOf({ ...about, name: `${name}, p95`, bar: null }, overheads(0.95)),
    figureOf({ ...about, name: `${name}, the bare hops alone, median`, bar: null }, bareHops),
    figureOf({ ...about, name: `${name}, above the bare hops, median`, bar: null }, above),
  ];
}

interface Surroundings {
  httpUrl: string;
  enrolmentToken: string;
  folder: string;
  hops: BareHops;
}

/** @returns for each cut its rounds; cuts take turns, and platform and bare hops within each */
async function collect({ progress }: BenchContext, surroundings: Surroundings): Promise<Round[][]> {
  const samples: Round[][] = cuts.map(() => []);
  let plan: Plan | undefined;
  let seen: FrameResult[] = [];
  const agent = await createDeviceAgent({
    config: deviceConfig(surroundings),
    clock: systemClock,
    log: createLog('bench', 'warn'),
    forcedPlan: () => plan,
    onResult: (result) => void seen.push(result),
  });
  try {
    await agent.start();
    for (let round = -warmUpRounds; round < rounds; round += 1) {
      for (const [index, cut] of cuts.entries()) {
        plan = cut.plan;
        seen = [];
        await agent.run();
        const counted = seen.filter(({ planned, finishedOn }) => planned === 'forced' && finishedOn === 'worker');
        const overheads = counted.slice(warmUpFrames).map(overheadOf);
        const bareHops = await hopRound(surroundings.hops, cut.bytes);
        if (round >= 0) samples[index]?.push({ overheads, bareHops });
      }
      progress(round < 0 ? `overhead: warming up, ${-round} to go` : `overhead: round ${round + 1} of ${rounds}`);
    }
    return samples;
  } finally {
    await agent.stop();
  }
}

async function hopRound(hops: BareHops, bytes: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < framesARound; i += 1) {
    times.push(await hops.roundTripMs(bytes));
    await new Promise<void>((resolve) => systemClock.after(gapMs, resolve));
  }
  return times.slice(warmUpFrames);
}

function deviceConfig({ httpUrl, enrolmentToken, folder }: Surroundings): DeviceConfig {
  const dataFolder = join(folder, 'device');
  const id = 'bench';
  return readConfig(
    DeviceConfigSchema,
    toEnvironment({
      id,
      controlPlaneUrl: httpUrl,
      enrolmentToken,
      dataFolder,
      framesPerSecond,
      maxFrames: framesARound,
    }),
  );
}

function overheadOf({ latencyMs, runtimeMs }: FrameResult): number {
  return latencyMs - runtimeMs.device - runtimeMs.worker;
}
