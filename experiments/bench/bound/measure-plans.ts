import { percentile } from '../../../shared/runtime/statistics.ts';
import type { BedDevice } from './bed.ts';
import { type Excess, excessOf, medianExcess, takenShare } from './excess.ts';
import { exchangeOf } from './exchange.ts';
import { type SendingPlan, thinOut } from './sending-plans.ts';
import type { Setting } from './settings.ts';

/** A plan's frames beside its bound. */
export interface MeasuredPlan {
  sending: SendingPlan;
  /** The median frame of each round. */
  rounds: Excess[];
  /** The median round. */
  excess: Excess;
}

export interface PlansOptions {
  device: BedDevice;
  setting: Setting;
  plans: readonly SendingPlan[];
  rounds: number;
  budgetMs: number;
  progress: (text: string) => void;
}

/** What loading a plan's segments on both sides takes, about, ms. */
const preparingMs = 700;
/** What a frame takes besides its transfer, about, ms. */
const frameMs = 12;
const warmUpFrames = 2;

/** @returns what a plan's rounds should take, ms */
function costMs({ upBytes, downBytes }: SendingPlan, { setting, rounds }: PlansOptions): number {
  const transferMs = setting.mbps === null ? 0 : ((upBytes + downBytes) * 8) / (setting.mbps * 1000);
  return preparingMs + 2 * (rounds * setting.framesARound + warmUpFrames) * (frameMs + transferMs);
}

/** Measures as many plans as the time allows, one after the other, platform and bound in turns in each. */
export async function measurePlans(options: PlansOptions): Promise<MeasuredPlan[]> {
  const { plans, setting, budgetMs, progress } = options;
  const chosen = thinOut(plans, (plan) => costMs(plan, options), budgetMs);
  const measured: MeasuredPlan[] = [];
  for (const [index, sending] of chosen.entries()) {
    if (index % 10 === 0) progress(`bound: ${setting.name}, plan ${index + 1} of ${chosen.length}`);
    measured.push(await measurePlan(options, sending));
  }
  return measured;
}

async function measurePlan(options: PlansOptions, sending: SendingPlan): Promise<MeasuredPlan> {
  const { device, setting } = options;
  const exchange = exchangeOf(sending);
  await device.prepare(sending.plan);
  await device.expect(exchange);
  for (let i = 0; i < warmUpFrames; i += 1) {
    await device.frame(sending.plan);
    await device.exchange(exchange);
  }
  const rounds: Excess[] = [];
  while (rounds.length < options.rounds) {
    const frames: Excess[] = [];
    while (frames.length < setting.framesARound) frames.push(await measureOnce(options, sending, rounds.length));
    rounds.push(medianExcess(frames));
  }
  return { sending, rounds, excess: medianExcess(rounds) };
}

/** Who goes first changes with the round: neither is always the one that finds the processor awake. */
async function measureOnce({ device, setting }: PlansOptions, sending: SendingPlan, round: number): Promise<Excess> {
  const exchange = exchangeOf(sending);
  const where = { sending, mbps: setting.mbps, ...device.members };
  if (round % 2 === 0) {
    const frame = await device.frame(sending.plan);
    return excessOf(frame, await device.exchange(exchange), where);
  }
  const times = await device.exchange(exchange);
  return excessOf(await device.frame(sending.plan), times, where);
}

/** @returns of the allowed excess the share that all but a twentieth of the plans keep within, in the median and in each round */
export function takenByPlans(plans: readonly MeasuredPlan[], mbps: number | null): { value: number; rounds: number[] } {
  const p95 = (all: readonly Excess[]): number =>
    percentile(
      all.map((excess) => takenShare(excess, mbps)),
      0.95,
    );
  const count = plans[0]?.rounds.length ?? 0;
  const rounds = Array.from({ length: count }, (_, round) => p95(plans.flatMap((plan) => plan.rounds[round] ?? [])));
  return { value: p95(plans.map(({ excess }) => excess)), rounds };
}
