import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { toEnvironment } from '../../shared/runtime/config.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';
import type { BenchArea, BenchContext, BenchFigure, BenchPlatform } from './figure.ts';
import { figureOf } from './figure.ts';

/** How long it takes until a platform serves, and until a device of it gives its first answer. */
export const startUpArea: BenchArea = {
  name: 'start-up',
  description: 'from the command to a platform that serves, and to a device’s first answer',
  run: measureStartUp,
};

const rounds = 5;
const deviceScript = fileURLToPath(new URL('../../device-agent/main.js', import.meta.url));

/** Of one round, ms. */
interface Round {
  firstMs: number;
  againMs: number;
  readyMs: number;
  answerMs: number;
}

async function measureStartUp(context: BenchContext): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-start-up-'));
  try {
    context.progress('start-up: profiling first');
    await startBoth(context, folder);
    const measured: Round[] = [];
    while (measured.length < rounds) {
      const round = measured.length + 1;
      context.progress(`start-up: round ${round} of ${rounds}`);
      const firstMs = await startOnce(context, join(folder, `fresh-${round}`));
      measured.push({ firstMs, ...(await startBoth(context, folder)) });
    }
    return figuresOf(measured);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function figuresOf(measured: readonly Round[]): BenchFigure[] {
  const figure = (name: string, read: (round: Round) => number): BenchFigure =>
    figureOf({ area: 'start-up', unit: 'ms', bar: null, name }, measured.map(read));
  return [
    figure('broker, control plane and worker serve, first start', ({ firstMs }) => firstMs),
    figure('broker, control plane and worker serve, later starts', ({ againMs }) => againMs),
    figure('a device that has its profile is ready', ({ readyMs }) => readyMs),
    figure('a device that has its profile has answered its first frame', ({ answerMs }) => answerMs),
  ];
}

async function startOnce({ startPlatform }: BenchContext, stateFolder: string): Promise<number> {
  const startMs = performance.now();
  const platform = await startPlatform(stateFolder);
  const tookMs = performance.now() - startMs;
  await platform.stop();
  return tookMs;
}

async function startBoth({ startPlatform }: BenchContext, folder: string): Promise<Omit<Round, 'firstMs'>> {
  const startMs = performance.now();
  const platform = await startPlatform(join(folder, 'platform'));
  const againMs = performance.now() - startMs;
  try {
    return { againMs, ...(await startDevice(platform, join(folder, 'device'))) };
  } finally {
    await platform.stop();
  }
}

/** Starts a device as its own process, which ends after one frame. */
async function startDevice(
  { httpUrl: controlPlaneUrl, brokerUrl, enrolmentToken }: BenchPlatform,
  dataFolder: string,
): Promise<Pick<Round, 'readyMs' | 'answerMs'>> {
  const settings = { id: 'starting', controlPlaneUrl, brokerUrl, enrolmentToken, dataFolder };
  const environment = toEnvironment({ ...settings, announceReady: true, maxFrames: 1, logLevel: 'warn' });
  const startMs = performance.now();
  const child = spawn(process.execPath, [deviceScript], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const times = await readTimes(child.stdout, startMs);
  await exited;
  return times;
}

async function readTimes(output: Readable, startMs: number): Promise<Pick<Round, 'readyMs' | 'answerMs'>> {
  let readyMs: number | undefined;
  let answerMs: number | undefined;
  for await (const line of createInterface({ input: output })) {
    const elapsedMs = performance.now() - startMs;
    if (parseReadyLine(line) === undefined) answerMs ??= elapsedMs;
    else readyMs = elapsedMs;
  }
  if (readyMs === undefined || answerMs === undefined) {
    throw new FleetError('process-failed', 'a device ended before it had answered a frame');
  }
  return { readyMs, answerMs };
}
