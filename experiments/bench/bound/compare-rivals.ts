import { median } from '../../../shared/runtime/statistics.ts';
import type { BedDevice } from './bed.ts';
import type { RivalFrame } from './bed-messages.ts';
import type { Setting } from './settings.ts';

/** The platform, planning by itself, beside what would be used without it. */
export interface Comparison {
  setting: Setting;
  processorFactor: number;
  /** The median frame of each round, ms. */
  platform: number[];
  /** What its last frame was run by, for people. */
  plannedAs: string;
  rivals: { name: string; rounds: number[] }[];
}

export interface ComparisonOptions {
  device: BedDevice;
  setting: Setting;
  processorFactor: number;
  rounds: number;
}

const rivals: readonly { name: string; frame: RivalFrame }[] = [
  { name: 'HTTP upload, f32', frame: { way: 'http', form: 'f32' } },
  { name: 'HTTP upload, u8', frame: { way: 'http', form: 'u8' } },
  { name: 'MQTT in one message, f32', frame: { way: 'mqtt', form: 'f32' } },
  { name: 'MQTT in one message, u8', frame: { way: 'mqtt', form: 'u8' } },
  { name: 'device alone', frame: { way: 'device', form: 'f32' } },
];
const warmUpRounds = 2;

/** All of them in turns, in each round. */
export async function compareRivals(options: ComparisonOptions): Promise<Comparison> {
  const { device, setting, processorFactor } = options;
  await device.prepare(null);
  const platform: number[] = [];
  const rows: { name: string; frame: RivalFrame; rounds: number[] }[] = rivals.map((rival) => ({
    ...rival,
    rounds: [],
  }));
  let plannedAs = '';
  for (let round = -warmUpRounds; round < options.rounds; round += 1) {
    const own = await several(setting, async () => {
      const { latencyMs, plan } = await device.frame(null);
      plannedAs = `${plan.exit} at ${plan.partition}, ${plan.encoding}, ${plan.direction}`;
      return latencyMs;
    });
    if (round >= 0) platform.push(own);
    for (const { frame, rounds } of rows) {
      const ms = await several(setting, () => device.rival(frame));
      if (round >= 0) rounds.push(ms);
    }
  }
  return {
    setting,
    processorFactor,
    platform,
    plannedAs,
    rivals: rows.map(({ name, rounds }) => ({ name, rounds })),
  };
}

/** @returns the median of a round's frames */
async function several({ framesARound }: Setting, measure: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  while (times.length < framesARound) times.push(await measure());
  return median(times);
}

/** @returns the rival with the least median, and by how much the platform is slower in each round, ms */
export function fastestRival({ platform, rivals: rows }: Comparison): { name: string; ms: number; behindMs: number[] } {
  const [fastest] = rows.toSorted((a, b) => median(a.rounds) - median(b.rounds));
  const rounds = fastest?.rounds ?? [];
  return {
    name: fastest?.name ?? 'none',
    ms: median(rounds),
    behindMs: platform.map((ms, round) => ms - (rounds[round] ?? ms)),
  };
}

/** @returns by how much the platform may be slower than the fastest, ms */
export function allowedBehindMs(fastestMs: number): number {
  return Math.max(1, 0.05 * fastestMs);
}
