import type { ModelShape, Plan } from '../../shared/planner/plan.ts';
import { replyBytes, requestBytes } from '../../shared/planner/wire-bytes.ts';
import { chunkLimitsFor } from '../../shared/protocol/chunking.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import type { DeviceConfiguration } from '../../shared/protocol/messages.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { isImageEncoding } from '../../shared/protocol/wire-encoding.ts';

type TensorPlan = Plan & { encoding: Encoding };

/** A plan with its T, as a search over all plans finds it. */
export interface PricedPlan extends TensorPlan {
  totalMs: number;
  headMs: number;
  /** Up and down, without the rtt. */
  wireMs: number;
  /** What must be left of the deadline at its end: the margin, and what the device takes longer at its slowest. */
  reserveMs: number;
}

type Assumed = FrameResult['assumed'];

/** What a frame was planned on. */
export interface Question {
  model: ModelShape;
  configuration: DeviceConfiguration;
  processorFactor: number;
  assumed: Assumed;
}

/**
 * The best plan by trying every exit, partition and encoding, written apart from the planner: T is summed up here anew,
 * and the order of preference is applied to all plans at once.
 */
export function bestByBruteForce(question: Question): PricedPlan | undefined {
  const { policy } = question.configuration;
  const { deviceSpread = 1, busyMs = 0 } = question.assumed;
  const all = allPlans(question);
  // What frames take besides their plans is the margin's.
  const localMs = Math.min(...all.filter((plan) => isLocal(question, plan)).map(({ headMs }) => headMs));
  const rescueMs = busyMs + localMs;
  // Of head and rescue the longer one may be at its slowest.
  const savedAtMs = ({ headMs }: PricedPlan): number =>
    Math.max(deviceSpread * headMs + rescueMs, headMs + deviceSpread * rescueMs);
  const admissible = all.filter(
    (plan) =>
      isLocal(question, plan) ||
      plan.partition === 0 ||
      savedAtMs(plan) + policy.marginMs <= policy.deadlineMs ||
      rescueMs > policy.deadlineMs,
  );
  const inTime = admissible.filter(({ totalMs, reserveMs }) => totalMs + reserveMs <= policy.deadlineMs);
  const isBusyAndLate = busyMs > 0 && inTime.length === 0;
  if (rescueMs > policy.deadlineMs && (isBusyAndLate || isMoving(question.assumed))) {
    const likeliest = bestByChance(question, admissible);
    if (likeliest !== undefined) return likeliest;
  }
  if (inTime.length === 0) return fastest(admissible);
  const top = Math.max(...inTime.map((plan) => accuracyOf(question, plan)));
  return fastest(inTime.filter((plan) => top - accuracyOf(question, plan) <= policy.accuracyTolerance + 1e-12));
}

function fastest(plans: readonly PricedPlan[]): PricedPlan | undefined {
  return plans.toSorted((a, b) => a.totalMs - b.totalMs)[0];
}

function accuracyOf({ model }: Question, { exit, partition, encoding }: TensorPlan): number {
  const { accuracy = 0, encodedAccuracy = {} } = model.exits[exit - 1] ?? {};
  return encoding === 'f32' ? accuracy : (encodedAccuracy[encoding]?.[partition] ?? accuracy);
}

/** Half of the moves are by a twentieth or more. */
function isMoving({ uplinkMoves = [] }: Assumed): boolean {
  const sizes = uplinkMoves.map(Math.abs).toSorted((a, b) => a - b);
  return sizes.length === 0 || (sizes[Math.floor(sizes.length / 2)] ?? 0) >= 0.05;
}

/** Accuracy times the chance that the link moves to where the plan is in time. */
function bestByChance(question: Question, plans: readonly PricedPlan[]): PricedPlan | undefined {
  const { policy } = question.configuration;
  const expected = plans.map((plan) => {
    const otherMs = plan.totalMs - plan.wireMs + (plan.reserveMs - policy.marginMs);
    const leftMs = policy.deadlineMs - otherMs;
    const needed = Math.log(plan.wireMs / leftMs);
    return leftMs > 0 ? accuracyOf(question, plan) * chance(needed, question.assumed.uplinkMoves ?? []) : 0;
  });
  const most = Math.max(...expected);
  const least = most * (1 - policy.accuracyTolerance);
  return most > 0 ? fastest(plans.filter((_, i) => (expected[i] ?? 0) >= least)) : undefined;
}

/** What share of the moves went so far up: each is a step, a straight line from one to the next, tails of width 0.25. */
function chance(needed: number, moves: readonly number[]): number {
  const step = moves.length === 0 ? 0.5 : 1 / (moves.length + 1);
  const [lowest = 0, highest = 0] = [moves[0], moves.at(-1)];
  if (needed <= lowest) return 1 - step * Math.exp((needed - lowest) / 0.25);
  if (needed >= highest) return step * Math.exp((highest - needed) / 0.25);
  const below = moves.filter((move) => move <= needed);
  const [from = 0, to = 0] = [below.at(-1), moves[below.length]];
  return 1 - step * (below.length + (needed - from) / (to - from));
}

function isLocal({ model }: Question, { exit, partition }: Plan): boolean {
  return partition === (model.exits[exit - 1]?.cuts.length ?? 0) - 1;
}

function allPlans(question: Question): PricedPlan[] {
  const { model, configuration } = question;
  return model.exits.flatMap(({ cuts }, index) =>
    cuts.flatMap((_, partition) => {
      const encodings = partition === cuts.length - 1 ? (['f32'] as const) : tensorEncodings(configuration);
      return encodings.flatMap((encoding) => {
        const plan: TensorPlan = { exit: index + 1, partition, direction: 'device-first', encoding };
        return price(question, plan) ?? [];
      });
    }),
  );
}

/** Images are not tried. */
function tensorEncodings({ policy }: DeviceConfiguration): Encoding[] {
  return policy.encodings.flatMap((encoding) => (isImageEncoding(encoding) ? [] : [encoding]));
}

function price(question: Question, plan: TensorPlan): PricedPlan | undefined {
  const { model, configuration, processorFactor, assumed } = question;
  const cuts = model.exits[plan.exit - 1]?.cuts ?? [];
  const cut = cuts[plan.partition];
  const head = configuration.deviceProfile?.exits[plan.exit - 1]?.head[plan.partition];
  if (cut === undefined || head === undefined) return undefined;
  const { correction, deviceSpread = 1, busyMs = 0 } = assumed;
  const headMs = head.medianMs * processorFactor * (correction?.device ?? 1) * ownFactor(assumed, plan);
  // Whoever begins on the device waits for its thread.
  const ownMs = plan.partition === 0 ? 0 : busyMs + headMs;
  const reserveMs = configuration.policy.marginMs + (deviceSpread - 1) * ownMs;
  if (isLocal(question, plan)) return { ...plan, headMs, reserveMs, wireMs: 0, totalMs: assumed.frameMs + ownMs };
  const tail = configuration.worker?.profile?.exits[plan.exit - 1]?.tail[plan.partition];
  if (assumed.uplinkMbps === null || assumed.downlinkMbps === null || tail === undefined) return undefined;
  const msPerByte = 8 / (assumed.uplinkMbps * 1000);
  const msPerByteDown = 8 / (assumed.downlinkMbps * 1000);
  const up = requestBytes(cut, plan.encoding, chunkLimitsFor(assumed.uplinkMbps)) * msPerByte;
  const outputs = cuts.at(-1)?.[0]?.elements ?? 0;
  const down = replyBytes([{ elements: outputs, rank: 2 }], 'f32') * msPerByteDown;
  const encodeMs = (cut.reduce((sum, { elements }) => sum + elements, 0) * assumed.encodeNs[plan.encoding]) / 1e6;
  const decodeMs = (outputs * assumed.decodeNs.f32) / 1e6;
  const workerMs = tail.medianMs * (correction?.worker ?? 1);
  const handlingMs = assumed.frameMs + assumed.rttMs + assumed.queueMs;
  const totalMs = ownMs + encodeMs + up + workerMs + down + decodeMs + handlingMs;
  return { ...plan, headMs, reserveMs, wireMs: up + down, totalMs };
}

/** @returns what the device's part of the plan is off by besides the device as a whole */
function ownFactor({ segments = [] }: Assumed, { exit, partition, direction }: Plan): number {
  const own = segments.find(
    (each) => each.exit === exit && each.partition === partition && each.direction === direction,
  );
  return own?.factor ?? 1;
}
