import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureKeys } from '../../../control-plane/keys.ts';
import { lineChart } from '../../../shared/adapters/charts/draw-chart.ts';
import { signToken } from '../../../shared/protocol/access-token.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import { createLog } from '../../../shared/runtime/log.ts';
import { seededRandom } from '../../../shared/runtime/random.ts';
import { median } from '../../../shared/runtime/statistics.ts';
import { openModel } from '../../reproduce/models.ts';
import { type BenchArea, type BenchContext, type BenchFigure, type BenchPlatform, figureOf } from '../figure.ts';
import { costOfProcess } from '../process-cost.ts';
import { connectLeanDevice, type LeanDevice } from './lean-device.ts';
import { offer, type Served } from './offered-load.ts';

/** What more devices cost: latency, and of broker and worker the processor time of an answer and the memory. */
export const loadArea: BenchArea = {
  name: 'load',
  description: '1 to 64 devices on one worker: latency, processor time of an answer and memory, as a curve',
  run: measureLoad,
};

const counts = [1, 2, 4, 8, 16, 32, 64];
const framesPerSecond = 5;
const deadlineMs = 200;
const durationMs = 4000;
const rounds = 5;
const worker = 'worker-1';
/** The image itself is sent and the deepest exit run whole: what costs a worker most. */
const plan = { exit: 5, partition: 0, direction: 'device-first', encoding: 'u8' } as const;

/** What one round of so many devices came to. */
interface Round extends Served {
  brokerCpuMs: number;
  workerCpuMs: number;
  brokerMib: number;
  workerMib: number;
}

async function measureLoad(context: BenchContext): Promise<BenchFigure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-load-'));
  const stateFolder = join(folder, 'platform');
  const platform = await context.startPlatform(stateFolder);
  let devices: LeanDevice[] = [];
  try {
    await platform.untilServing(worker);
    devices = await connectDevices(platform, stateFolder);
    await untilAnswered(devices);
    const measured = await measureRounds(context, platform, devices);
    await keepPictures(context, measured);
    return counts.flatMap((count, index) => figuresOf(count, measured[index] ?? []));
  } finally {
    for (const device of devices) await device.close();
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function connectDevices({ brokerUrl }: BenchPlatform, stateFolder: string): Promise<LeanDevice[]> {
  const { manifest } = (await openModel('branchy-alexnet-32')).package;
  const { privateKey } = ensureKeys(join(stateFolder, 'control-plane'));
  const dims = [1, ...manifest.input.shape];
  const data = Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, (_, i) => Math.sin(i));
  const model = manifest.digest.replace('sha256:', '').slice(0, 16);
  const log = createLog('bench', 'warn');
  const most = Math.max(...counts);
  return Promise.all(
    Array.from({ length: most }, (_, number) => {
      const id = `load-${number + 1}`;
      const token = signToken(privateKey, { role: 'device', id });
      return connectLeanDevice({ id, token, brokerUrl, worker, model, plan, input: { data, dims }, deadlineMs, log });
    }),
  );
}

/** A worker loads what it is first asked for, and refuses meanwhile. */
async function untilAnswered([first]: readonly LeanDevice[]): Promise<void> {
  const patience = 300;
  for (let attempt = 0; attempt < patience; attempt += 1) {
    if ((await first?.frame()) !== undefined) return;
    await new Promise<void>((resolve) => systemClock.after(100, resolve));
  }
  throw new FleetError('experiment-failed', `the worker answered none of ${patience} frames`);
}

/** @returns for each count its rounds; the counts take turns. The round before the first one settles everything */
async function measureRounds(
  { progress }: BenchContext,
  platform: BenchPlatform,
  devices: readonly LeanDevice[],
): Promise<Round[][]> {
  const measured = counts.map((): Round[] => []);
  const random = seededRandom(1);
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, count] of counts.entries()) {
      progress(`load: round ${round + 1} of ${rounds}, ${count} devices`);
      const one = await measureRound(platform, devices.slice(0, count), random);
      if (round >= 0) measured[index]?.push(one);
    }
  }
  return measured;
}

async function measureRound(
  platform: BenchPlatform,
  devices: readonly LeanDevice[],
  random: () => number,
): Promise<Round> {
  const costs = () => [costOfProcess(platform.pid('broker')), costOfProcess(platform.pid(worker))] as const;
  const [brokerBefore, workerBefore] = costs();
  const served = await offer({ devices, framesPerSecond, durationMs, clock: systemClock, random });
  const [broker, workerNow] = costs();
  // A refusal costs too: it is counted to those that were answered.
  const answered = Math.max(1, served.frames * served.metShare);
  return {
    ...served,
    brokerCpuMs: (broker.cpuMs - brokerBefore.cpuMs) / answered,
    workerCpuMs: (workerNow.cpuMs - workerBefore.cpuMs) / answered,
    brokerMib: broker.memoryMib,
    workerMib: workerNow.memoryMib,
  };
}

function figuresOf(count: number, measured: readonly Round[]): BenchFigure[] {
  const name = count === 1 ? '1 device' : `${count} devices`;
  const figure = (what: string, unit: string, read: (round: Round) => number): BenchFigure =>
    figureOf({ area: 'load', unit, bar: null, name: `${name}: ${what}` }, measured.map(read));
  const met = figureOf(
    { area: 'load', unit: '%', bar: null, better: 'more', name: `${name}: answered in ${deadlineMs} ms` },
    measured.map(({ metShare }) => 100 * metShare),
  );
  return [
    figure('latency, median', 'ms', ({ medianMs }) => medianMs),
    figure('latency, p95', 'ms', ({ p95Ms }) => p95Ms),
    met,
    figure('the broker’s processor time of an answer', 'ms', ({ brokerCpuMs }) => brokerCpuMs),
    figure('the worker’s processor time of an answer', 'ms', ({ workerCpuMs }) => workerCpuMs),
    figure('the broker’s memory', 'MiB', ({ brokerMib }) => brokerMib),
    figure('the worker’s memory', 'MiB', ({ workerMib }) => workerMib),
  ];
}

async function keepPictures({ keep }: BenchContext, measured: readonly (readonly Round[])[]): Promise<void> {
  const curve = (name: string, read: (round: Round) => number) => ({
    name,
    marked: true,
    points: counts.map((count, index) => [count, median((measured[index] ?? []).map(read))] as const),
  });
  const x = { label: `devices, ${framesPerSecond} frames a second each`, scale: 'log' } as const;
  const subtitle = `medians of ${rounds} rounds; exit 5 whole on one worker with one inference thread`;
  const latency = [curve('median', ({ medianMs }) => medianMs), curve('p95', ({ p95Ms }) => p95Ms)];
  const cost = [curve('broker', ({ brokerCpuMs }) => brokerCpuMs), curve('worker', ({ workerCpuMs }) => workerCpuMs)];
  await keep(
    'load-latency.svg',
    lineChart({ title: 'Latency against load', subtitle, x, y: { label: 'ms', min: 0 }, series: latency }),
  );
  await keep(
    'load-cost.svg',
    lineChart({
      title: 'Processor time of an answer against load',
      ...{ subtitle, x, y: { label: 'ms an answer', min: 0 }, series: cost },
    }),
  );
}
