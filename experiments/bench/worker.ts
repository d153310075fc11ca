import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { BenchArea, BenchContext, BenchFigure } from './figure.ts';
import { figureOf } from './figure.ts';
import { type MeasuringProcess, startMeasuring } from './worker-load/processes.ts';
import { type ServedWorkers, startServedWorkers, type WorkerSetting } from './worker-load/served-workers.ts';

const deviceCount = 64;
const rounds = 7;
/** Rounds before those that count: workers try sizes of batches, compilers settle. */
const warmUpRounds = 2;
/** Of each measurement: what the load needs to build up, and what is counted. */
const [warmUpMs, durationMs] = [700, 3000];

/** What is compared: a worker with so many bare loops at once, and the least that it must reach of them. */
interface Comparison extends WorkerSetting {
  name: string;
  least: number;
}

const comparisons: readonly Comparison[] = [
  { id: 'single', name: 'one thread, batch 1', threads: 1, maxBatch: 1, least: 0.95 },
  { id: 'batching', name: `one thread, batches of ${deviceCount} devices`, threads: 1, maxBatch: 16, least: 1.05 },
  { id: 'double', name: 'two threads, batch 1', threads: 2, maxBatch: 1, least: 0.85 },
  { id: 'double-batching', name: 'two threads with batches', threads: 2, maxBatch: 16, least: 0.85 },
];

/** Workers through the real broker against onnxruntime in a loop, with the same segment and the same thread settings. */
export const workerArea: BenchArea = {
  name: 'worker',
  description: `frames a second of a worker that ${deviceCount} devices keep busy, against bare onnxruntime loops`,
  run: measureWorkers,
};

async function measureWorkers({ progress }: BenchContext): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-bench-worker-'));
  const served = await startServedWorkers(folder, comparisons, deviceCount);
  const devices = startMeasuring('devices-main.js');
  const loops = [startMeasuring('bare-loop-main.js'), startMeasuring('bare-loop-main.js')];
  try {
    await devices.measure(served.devices);
    const samples = comparisons.map((): Sample[] => []);
    for (let round = -warmUpRounds; round < rounds; round += 1) {
      for (const [index, comparison] of comparisons.entries()) {
        const sample = await measureOnce(comparison, { served, devices, loops });
        if (round < 0) continue;
        requireWhole(comparison, sample);
        samples[index]?.push(sample);
      }
      progress(round < 0 ? `worker: warming up, ${-round} to go` : `worker: round ${round + 1} of ${rounds}`);
    }
    return comparisons.flatMap((comparison, index) => figuresOf(comparison, samples[index] ?? []));
  } finally {
    for (const child of [devices, ...loops]) await child.stop();
    await served.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Frames a second of bare loops and worker, one right after the other. */
interface Sample {
  bare: number;
  worker: number;
  /** Requests that came to nothing. */
  refused: number;
}

interface Surroundings {
  served: ServedWorkers;
  devices: MeasuringProcess;
  loops: readonly MeasuringProcess[];
}

async function measureOnce({ id, threads }: Comparison, surroundings: Surroundings): Promise<Sample> {
  const { served, devices, loops } = surroundings;
  const { file, input } = served.segment;
  const bareLoop = { file, input, dims: served.devices.dims, warmUpMs, durationMs };
  const bare = await Promise.all(loops.slice(0, threads).map((loop) => loop.measure(bareLoop)));
  const { rate, refused } = await devices.measure({ kind: 'measure', worker: id, warmUpMs, durationMs });
  return { bare: bare.reduce((sum, each) => sum + each.rate, 0), worker: rate, refused };
}

/** @throws {FleetError} `experiment-failed` where requests were refused: then less than the whole load was measured */
function requireWhole({ name }: Comparison, { refused }: Sample): void {
  if (refused > 0) throw new FleetError('experiment-failed', `${name}: ${refused} requests came to nothing`);
}

/** Of the ratio what a frame takes is told, not how many there are: a bar is what a figure must not exceed. */
function figuresOf({ name, least }: Comparison, samples: readonly Sample[]): BenchFigure[] {
  const about = { area: 'worker', bar: null };
  const ratios = samples.map(({ bare, worker }) => bare / worker);
  const perFrame = { ...about, name: `${name}: time a frame takes, in bare loops' time`, unit: '×', bar: 1 / least };
  const rate = { ...about, unit: 'frames/s' };
  return [
    figureOf(perFrame, ratios),
    figureOf(
      { ...rate, name: `${name}: worker` },
      samples.map(({ worker }) => worker),
    ),
    figureOf(
      { ...rate, name: `${name}: bare` },
      samples.map(({ bare }) => bare),
    ),
  ];
}
