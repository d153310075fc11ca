import { type Static, Type } from 'typebox';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import { median } from '../../shared/runtime/statistics.ts';

const Ms = Type.Number();

/** What some frames under the same conditions came to. Times in ms; of the parts and the prediction the medians. */
export const MeasuredFramesSchema = Type.Object({
  frames: Type.Integer({ minimum: 1 }),
  latencyMs: Type.Object({ median: Ms, least: Ms, greatest: Ms }),
  /** Of each frame. */
  latenciesMs: Type.Array(Ms, { minItems: 1 }),
  breakdownMs: Type.Object({ device: Ms, encode: Ms, upload: Ms, queue: Ms, worker: Ms, download: Ms }),
  /** T(plan) as the device predicted it. */
  predictedMs: Ms,
  /** Of a message of no size, as the device had measured it. */
  rttMs: Ms,
  /** What a frame takes on the device besides its plan, as the device had measured it. */
  frameMs: Ms,
  uploadBytes: Type.Integer({ minimum: 0 }),
  finishedOnWorker: Type.Integer({ minimum: 0 }),
});
export type MeasuredFrames = Static<typeof MeasuredFramesSchema>;

/** @param results at least one */
export function summarise(results: readonly FrameResult[]): MeasuredFrames {
  const latencies = results.map(({ latencyMs }) => latencyMs);
  const part = (name: keyof FrameResult['breakdownMs']): number =>
    rounded(median(results.map(({ breakdownMs }) => breakdownMs[name])));
  return {
    frames: results.length,
    latencyMs: {
      median: rounded(median(latencies)),
      least: rounded(Math.min(...latencies)),
      greatest: rounded(Math.max(...latencies)),
    },
    latenciesMs: latencies.map(rounded),
    breakdownMs: {
      device: part('device'),
      encode: part('encode'),
      upload: part('upload'),
      queue: part('queue'),
      worker: part('worker'),
      download: part('download'),
    },
    predictedMs: rounded(median(results.map(({ assumed }) => assumed.totalMs))),
    rttMs: rounded(median(results.map(({ assumed }) => assumed.rttMs))),
    frameMs: rounded(median(results.map(({ assumed }) => assumed.frameMs))),
    uploadBytes: Math.round(median(results.map(({ uploadBytes }) => uploadBytes))),
    finishedOnWorker: results.filter(({ finishedOn }) => finishedOn === 'worker').length,
  };
}

/** Microseconds are more than any clock here tells. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
