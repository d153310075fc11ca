import { fastestLocalMs } from '../shared/planner/admissible-plans.ts';
import { deviceFactor, type PlanningInput } from '../shared/planner/predict.ts';
import type { AnswerAtHand, FramePlan, FrameRunnerOptions } from './frame-run.ts';
import type { RescueBranch } from './rescue-exit.ts';
import type { DevicePart } from './segments.ts';

/** What a frame may end on without a worker. */
export interface LocalEnd extends RescueBranch {
  /** Device-first with p = N: the whole branch. Edge-first: what lies behind the cut that a head has given. */
  part: DevicePart;
  /** It has been run already. */
  atHand?: AnswerAtHand;
}

/**
 * The rests of branches that go on from the cut of the plan's own head: of its exit, and of every other exit that shares
 * the layers up to there. No such rest has more to compute than its whole branch, and none loses accuracy: what the head
 * has given is there as it was computed, whatever the encoding that it travels in.
 * @returns those that are loaded and whose time is known; nothing where the plan has no head
 */
export function continuations(
  { segments, localTiming }: Pick<FrameRunnerOptions, 'segments' | 'localTiming'>,
  { input, decision }: Pick<FramePlan, 'input' | 'decision'>,
): LocalEnd[] {
  const parts = segments.continuing(decision.candidate.plan).filter((part) => segments.has(part));
  const fastestMs = fastestLocalMs(input);
  return parts.flatMap((part) => {
    const predictedMs = restMs(input, part);
    if (predictedMs === undefined) return [];
    const { exit, partition } = part;
    const times = localTiming.timesOf({ exit, continuedFrom: partition, predictedMs, fastestMs });
    const accuracy = input.plans.model.exits[exit - 1]?.accuracy ?? 0;
    return [{ exit, part, accuracy, predictedMs, ...times }];
  });
}

/** @returns what a rest takes on this device, by its profile, ms; undefined where no profile has it */
export function restMs(input: PlanningInput, rest: DevicePart): number | undefined {
  const tailMs = profiledTailMs(input, rest);
  return tailMs === undefined ? undefined : tailMs * deviceFactor(input);
}

/** The device's part of an edge-first plan is the same segment, and any encoding has its time. */
function profiledTailMs(
  { plans: { all, groups } }: PlanningInput,
  { exit, partition }: DevicePart,
): number | undefined {
  const group = groups.find(({ kind }) => kind === 'edge-first');
  for (let i = group?.from ?? 0; i < (group?.to ?? 0); i += 1) {
    const prepared = all[i];
    if (prepared?.plan.exit === exit && prepared.plan.partition === partition) return prepared.deviceMs;
  }
  return undefined;
}
