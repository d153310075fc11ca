import { admissible, rescueOf } from './admissible-plans.ts';
import { checkPlanningInput } from './check-input.ts';
import { none } from './choice.ts';
import type { PlannedNow } from './plan.ts';
import { candidateOf, type LinkEstimate, type PlanningInput } from './predict.ts';
import type { PreparedPlans } from './prepared-plans.ts';

/** @returns whether no local exit can end within the deadline: a frame that the worker does not answer in time is missed */
export function isAtStake(input: PlanningInput): boolean {
  return rescueOf(input).latestMs === Number.POSITIVE_INFINITY;
}

/** Links that are shaped to one rate are seen to move by about half of this. */
const stillMove = 0.05;

/**
 * @returns whether half of its moves were of a twentieth at least: a link that does not move carries what it is believed to, and
 *   to reckon with less would cost accuracy for nothing. What has not been seen yet may move.
 */
export function isMoving({ uplinkMoves = [] }: LinkEstimate): boolean {
  const sizes = uplinkMoves.map(Math.abs).sort((a, b) => a - b);
  return (sizes[sizes.length >> 1] ?? stillMove) >= stillMove;
}

/**
 * The plan of greatest expected accuracy, a miss counting as 0, where nothing saves a frame. Elsewhere a link slower than
 * believed costs the difference to a local exit, and a plan is chosen for a rate below the mean. Here it costs the frame,
 * and so does planning for so low a rate that nothing seems to be in time. So the chance that the link carries a plan in
 * time counts, by how its rate has moved of late. No margin is left beside it.
 * Expected accuracies whose ratio is within the policy's tolerance are equal; then the least T.
 * @returns undefined where no rate would do: all that is not the link takes longer than the deadline
 * @throws {FleetError} `planning-input-invalid`
 */
export function planByChance(input: PlanningInput): PlannedNow | undefined {
  checkPlanningInput(input);
  const { plans, policy, offload } = input;
  if (offload === null) return undefined;
  const priced = price(input, offload.link);
  const best = plans.all[mostExpected(priced, policy.accuracyTolerance)];
  if (best === undefined) return undefined;
  const next = plans.all[mostExpected(priced, policy.accuracyTolerance, best.plan.exit)];
  return { chosen: candidateOf(input, best), runnerUp: next ? candidateOf(input, next) : null };
}

/** Side by side with the plans. */
interface ByChance {
  readonly plans: Pick<PreparedPlans, 'exit'>;
  /** Accuracy times the chance to be in time; 0 where there is none. */
  readonly expected: Float64Array;
  readonly totalsMs: Float64Array;
}

function price(input: PlanningInput, { uplinkMbps, downlinkMbps, uplinkMoves = [] }: LinkEstimate): ByChance {
  const { plans, policy } = input;
  const { fixedMs, reserveMs } = admissible(input);
  const uploadBytes = plans.uploadBytes(uplinkMbps);
  const expected = new Float64Array(fixedMs.length);
  const totalsMs = new Float64Array(fixedMs.length);
  for (let i = 0; i < expected.length; i += 1) {
    const fixed = fixedMs[i] ?? Number.POSITIVE_INFINITY;
    // Both directions are as much faster or slower together.
    const bytes = (uploadBytes[i] ?? 0) + (plans.replyBytes[i] ?? 0) * (uplinkMbps / downlinkMbps);
    const wireMs = (bytes * 8) / (uplinkMbps * 1000);
    const leftMs = policy.deadlineMs - fixed - ((reserveMs[i] ?? 0) - policy.marginMs);
    totalsMs[i] = fixed + wireMs;
    if (leftMs > 0) expected[i] = (plans.accuracy[i] ?? 0) * chanceOf(Math.log(wireMs / leftMs), uplinkMoves);
  }
  return { plans, expected, totalsMs };
}

/** What is not known is as likely as that one more move goes either way by about so much. */
const tailWidth = 0.25;

/**
 * @param move as ln of the rate that is needed over the one that is believed
 * @param moves ascending
 * @returns the chance that the rate moves so far up at least: what share of the moves did, between two of them in
 *   proportion; beyond them falling by e with each tailWidth
 */
export function chanceOf(move: number, moves: readonly number[]): number {
  const slots = moves.length + 1;
  const [first = 0, last = 0] = [moves[0], moves.at(-1)];
  if (move <= first) return 1 - Math.exp((move - first) / tailWidth) * (moves.length === 0 ? 0.5 : 1 / slots);
  if (move >= last) return Math.exp((last - move) / tailWidth) * (moves.length === 0 ? 0.5 : 1 / slots);
  const above = moves.findIndex((other) => other > move);
  const [low = 0, high = 0] = [moves[above - 1], moves[above]];
  return 1 - (above + (move - low) / (high - low)) / slots;
}

/** @returns index of a plan; `none` where none has a chance */
function mostExpected({ plans, expected, totalsMs }: ByChance, tolerance: number, exceptExit = 0): number {
  let most = 0;
  for (let i = 0; i < expected.length; i += 1) {
    if ((expected[i] ?? 0) > most && plans.exit[i] !== exceptExit) most = expected[i] ?? 0;
  }
  const least = most * (1 - tolerance);
  let best = none;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < expected.length; i += 1) {
    const [value = 0, totalMs = 0] = [expected[i], totalsMs[i]];
    if (value <= 0 || value < least || totalMs >= bestMs || plans.exit[i] === exceptExit) continue;
    best = i;
    bestMs = totalMs;
  }
  return best;
}
