import type { Case as AgreementCase } from '../agreement/cases.ts';
import type { DataFile } from '../data-file.ts';
import { sampleDynamic } from '../dynamic/testing/sample-dynamic.ts';
import type { MeasuredFrames } from '../measured-frames.ts';
import { methods } from '../methods/methods.ts';
import type { AccuracyCase } from '../served.ts';
import type { Outcome, Sweep } from '../sweep.ts';

const emulation = { device: 1000, worker: 4.5, rttMs: 4 };
const where = { setting: 'paper', model: 'branchy-alexnet-32', emulation };

/** @returns the data files of one small run, made up */
export function sampleData(): DataFile[] {
  return [
    file('motivation', [motivation]),
    file('layers', [layers]),
    file('exits', [exits]),
    file('static-bandwidth', [sampleSweep([0.25, 2].map((mbps) => ({ mbps, deadlineMs: 1000 })))]),
    file('static-deadline', [sampleSweep([100, 1000].map((deadlineMs) => ({ mbps: 0.5, deadlineMs })))]),
    file('static-accuracy', [accuracy]),
    { ...file('dynamic', []), data: sampleDynamic() },
    file('agreement', [agreement(1, 10), agreement(20, 0.25)]),
  ];
}

function file(experiment: string, cases: readonly unknown[]): DataFile {
  const machine = { hardwareClass: 'x64-sample-2c', cores: 2, memoryGiB: 8, node: 'v20.20.0' };
  return {
    schema: 1,
    experiment,
    scale: 'quick',
    measuredAt: '2020-01-01T00:00:00.000Z',
    machine,
    data: { cases },
  };
}

const motivation = {
  ...where,
  inputBytes: 12_288,
  deviceOnly: measuredFrames(2300, 0),
  edgeOnly: [1, 0.25, 0.05].map((mbps) => ({ mbps, measured: measuredFrames(25 + 98 / mbps, 98 / mbps) })),
  leftOutMbps: [0.01],
};

const layers = {
  model: 'branchy-alexnet-32',
  exit: 'exit5',
  perCallOverheadMs: 0.05,
  wholeMs: 2.2,
  inputBytes: 12_288,
  layers: [
    { name: 'conv1', type: 'conv', outputBytes: 131_072, ownMs: 0.3 },
    { name: 'lrn1', type: 'lrn', outputBytes: 65_536, ownMs: 1.05 },
    { name: 'fc8', type: 'fc', outputBytes: 40, ownMs: 0.04 },
  ],
  settings: [{ name: 'paper', device: 1000, worker: 4.5 }],
};

const exits = {
  model: 'branchy-alexnet-32',
  images: 200,
  modelBytes: 6_200_000,
  exits: [12, 16, 19, 20, 22].map((count, index) => ({
    name: `exit${index + 1}`,
    paperLayers: count,
    nodes: count,
    parameterBytes: 100_000 * (index + 1),
    flops: 1e7 * (index + 1),
    wholeMs: 1 + index / 4,
    accuracy: 0.8 + index / 50,
    measuredAccuracy: 0.79 + index / 50,
  })),
};

const accuracy: AccuracyCase = {
  sweep: sampleSweep([100, 500].map((deadlineMs) => ({ mbps: 0.4, deadlineMs }))),
  served: [100, 500].map((deadlineMs) => ({
    name: 'in service, all',
    deadlineMs,
    frames: [{ exit: 'exit5', finishedOn: 'worker', encoding: 'u8', accuracy: 0.892, latencyMs: 90, met: true }],
  })),
};

/** @returns a copy, to be changed */
export function sampleAccuracy(): AccuracyCase {
  return structuredClone(accuracy);
}

/** Predictions from profiles a fiftieth too high, from regressions a tenth. */
function agreement(device: number, mbps: number): AgreementCase {
  const rows = [0, 5, 12].map((partition, index) => {
    const measuredMs = device + (10 * (3 - index)) / mbps;
    const predictedMs = { profiles: 1.02 * measuredMs, regressions: 1.1 * measuredMs, perturbed: 1.3 * measuredMs };
    return { exit: 1, partition, uploadBytes: 3000 - 100 * index, measuredMs, predictedMs, inServiceMs: measuredMs };
  });
  return { model: where.model, emulation: { device, worker: 1, rttMs: 4 }, mbps, frames: 3, rttMs: 6.5, rows };
}

/** Of the static experiments. */
export function sampleSweep(points: readonly { mbps: number; deadlineMs: number }[]): Sweep {
  return {
    ...where,
    methods: methods.map(({ name, about }) => ({ name, about })),
    points: points.map((point) => ({ ...point, outcomes: methods.map(({ name }, index) => outcome(name, index)) })),
  };
}

/** Methods that do ever better: the n-th takes 450 ms less n times 60, on exit n. */
function outcome(method: string, index: number): Outcome {
  const ms = 450 - 60 * index;
  const exit = Math.min(5, index + 1);
  const plan = { exit, partition: 0, direction: 'device-first', encoding: 'f32' } as const;
  return {
    method,
    selection: { plan, predictedMs: ms + 2, accuracy: 0.8 + exit / 100 },
    measured: measuredFrames(ms, ms / 2),
  };
}

function measuredFrames(ms: number, upload: number): MeasuredFrames {
  const worker = upload === 0 ? 0 : 10;
  return {
    frames: 3,
    latencyMs: { median: ms, least: ms - 1, greatest: ms + 1 },
    latenciesMs: [ms - 1, ms, ms + 1],
    breakdownMs: { device: ms - upload - worker, encode: 0, upload, queue: 0, worker, download: 0 },
    predictedMs: ms + 2,
    rttMs: 5,
    frameMs: 0.4,
    uploadBytes: upload === 0 ? 0 : 12_700,
    finishedOnWorker: upload === 0 ? 0 : 3,
  };
}
