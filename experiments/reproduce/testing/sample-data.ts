import type { DataFile } from '../data-file.ts';
import type { MeasuredFrames } from '../measured-frames.ts';

/** @returns the data files of one small run, made up */
export function sampleData(): DataFile[] {
  const emulation = { device: 1000, worker: 4.5, rttMs: 4 };
  const point = (mbps: number) => ({ mbps, measured: measuredFrames(25 + 98 / mbps, 98 / mbps) });
  return [
    file('motivation', {
      cases: [
        {
          setting: 'paper',
          model: 'branchy-alexnet-32',
          emulation,
          inputBytes: 12_288,
          deviceOnly: measuredFrames(2300, 0),
          edgeOnly: [1, 0.25, 0.05].map(point),
          leftOutMbps: [0.01],
        },
      ],
    }),
    file('layers', {
      cases: [
        {
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
        },
      ],
    }),
    file('exits', {
      cases: [
        {
          model: 'branchy-alexnet-32',
          images: 200,
          modelBytes: 6_200_000,
          exits: [12, 16, 19, 20, 22].map((layers, index) => ({
            name: `exit${index + 1}`,
            paperLayers: layers,
            nodes: layers,
            parameterBytes: 100_000 * (index + 1),
            flops: 1e7 * (index + 1),
            wholeMs: 1 + index / 4,
            accuracy: 0.8 + index / 50,
            measuredAccuracy: 0.79 + index / 50,
          })),
        },
      ],
    }),
  ];
}

function file(experiment: string, data: unknown): DataFile {
  const machine = { hardwareClass: 'x64-sample-2c', cores: 2, memoryGiB: 8, node: 'v20.20.0' };
  return { schema: 1, experiment, scale: 'quick', measuredAt: '2020-01-01T00:00:00.000Z', machine, data };
}

function measuredFrames(ms: number, upload: number): MeasuredFrames {
  const worker = upload === 0 ? 0 : 10;
  return {
    frames: 5,
    latencyMs: { median: ms, least: ms - 1, greatest: ms + 1 },
    breakdownMs: { device: ms - upload - worker, encode: 0, upload, queue: 0, worker, download: 0 },
    predictedMs: ms + 2,
    uploadBytes: upload === 0 ? 0 : 12_700,
    finishedOnWorker: upload === 0 ? 0 : 5,
  };
}
