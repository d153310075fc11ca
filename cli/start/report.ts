import type { FrameFailure, FrameResult } from '../../shared/protocol/frame-result.ts';
import { percentile } from '../../shared/runtime/statistics.ts';

/** Counts of the frames whose deadline left time for exit 1 on the device, 1.5 times over. */
export interface RescuableFrames {
  /** A frame counts when its deadline is at least 1.5 times its device's p99 of exit 1, timed in this run. */
  frames: number;
  missed: number;
  exit1P99Ms: Record<string, number>;
}

/** What a run came to; the one object that `--json` prints. Accuracies are null where no frame had a label. */
export interface RunReport {
  model: string;
  durationS: number;
  devices: number;
  /** Frames that were answered, in time (`met`) or late (`missed`). */
  frames: number;
  met: number;
  missed: number;
  /** Frames that came to nothing: the device's log says why. */
  failed: number;
  /** Slots that passed while their device was busy with the frame before. */
  skipped: number;
  /** Of the frames that were answered or failed; 0 where there was none. */
  metShare: number;
  fallbacks: number;
  fallbackReasons: Record<string, number>;
  finishedOnWorker: number;
  /** Frames of which an exit that the head had passed was asked, and those that it ended. */
  earlyExits: { asked: number; answered: number };
  accuracy: number | null;
  accuracyByExit: Record<string, { frames: number; accuracy: number }>;
  latencyMs: { p50: number; p95: number; p99: number };
  /** Means over the frames that a worker finished; 0 where it finished none. */
  breakdownMs: Record<keyof FrameResult['breakdownMs'], number>;
  plans: (FrameResult['plan'] & { frames: number })[];
  rescuable: RescuableFrames;
  framesBy: Record<string, number>;
  emulation: { links: string; processors: string };
}

const rescuableFactor = 1.5;
const breakdownParts = ['device', 'encode', 'upload', 'queue', 'worker', 'download'] as const;

/** What the devices of a run told of their frames. */
export interface RunFrames {
  results: readonly FrameResult[];
  failures: readonly FrameFailure[];
}

/** @returns what the frames of all devices came to, together */
export function reportRun(
  { results, failures }: RunFrames,
  about: Pick<RunReport, 'model' | 'durationS' | 'devices' | 'emulation'>,
): RunReport {
  const met = results.filter((result) => result.met).length;
  const fallbacks = results.filter(({ fallback }) => fallback !== null);
  const onWorker = results.filter(({ finishedOn }) => finishedOn === 'worker');
  const latencies = results.map(({ latencyMs }) => latencyMs);
  const at = (share: number): number => round(percentile(latencies, share));
  return {
    ...about,
    frames: results.length,
    met,
    missed: results.length - met,
    failed: failures.length,
    skipped: [...results, ...failures].reduce((sum, { skipped }) => sum + skipped, 0),
    metShare: met / Math.max(1, results.length + failures.length),
    fallbacks: fallbacks.length,
    fallbackReasons: countBy(fallbacks, ({ fallback }) => fallback ?? ''),
    finishedOnWorker: onWorker.length,
    earlyExits: {
      asked: results.filter(({ earlyExit }) => earlyExit !== undefined).length,
      answered: results.filter(({ earlyExit }) => earlyExit?.confident).length,
    },
    accuracy: accuracyOf(results),
    accuracyByExit: accuracyByExit(results),
    latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    breakdownMs: meanBreakdown(onWorker),
    plans: plansOf(results),
    rescuable: rescuable(results),
    framesBy: countBy(results, ({ device }) => device),
  };
}

function accuracyOf(results: readonly FrameResult[]): number | null {
  const labelled = results.filter(({ truth }) => truth !== null);
  if (labelled.length === 0) return null;
  return labelled.filter(({ truth, label }) => truth === label).length / labelled.length;
}

function accuracyByExit(results: readonly FrameResult[]): RunReport['accuracyByExit'] {
  const exits = [...new Set(results.map(({ exit }) => exit))].sort();
  return Object.fromEntries(
    exits.flatMap((exit) => {
      const ofExit = results.filter((result) => result.exit === exit && result.truth !== null);
      const accuracy = accuracyOf(ofExit);
      return accuracy === null ? [] : [[exit, { frames: ofExit.length, accuracy }]];
    }),
  );
}

function meanBreakdown(results: readonly FrameResult[]): RunReport['breakdownMs'] {
  const mean = (part: keyof FrameResult['breakdownMs']): number => {
    const sum = results.reduce((total, { breakdownMs }) => total + breakdownMs[part], 0);
    return results.length === 0 ? 0 : round(sum / results.length);
  };
  const [device, encode, upload, queue, worker, download] = breakdownParts.map(mean);
  return {
    device: device ?? 0,
    encode: encode ?? 0,
    upload: upload ?? 0,
    queue: queue ?? 0,
    worker: worker ?? 0,
    download: download ?? 0,
  };
}

function plansOf(results: readonly FrameResult[]): RunReport['plans'] {
  const plans = new Map<string, RunReport['plans'][number]>();
  for (const { plan } of results) {
    const key = `${plan.exit}/${plan.partition}/${plan.direction}/${plan.encoding}`;
    plans.set(key, { ...plan, frames: (plans.get(key)?.frames ?? 0) + 1 });
  }
  return [...plans.values()].sort((a, b) => b.frames - a.frames);
}

function rescuable(results: readonly FrameResult[]): RescuableFrames {
  const exit1P99Ms: Record<string, number> = {};
  for (const { device, rescue } of results) if (rescue.runs > 0) exit1P99Ms[device] = round(rescue.p99Ms);
  const counted = results.filter(({ device, deadlineMs }) => {
    const p99Ms = exit1P99Ms[device];
    return p99Ms !== undefined && deadlineMs >= rescuableFactor * p99Ms;
  });
  return { frames: counted.length, missed: counted.filter(({ met }) => !met).length, exit1P99Ms };
}

function countBy(results: readonly FrameResult[], key: (result: FrameResult) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) counts[key(result)] = (counts[key(result)] ?? 0) + 1;
  return counts;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
