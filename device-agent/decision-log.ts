import { type Candidate, type ModelShape, samePlan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { DecisionLogContent, DecisionRecord } from '../shared/protocol/decision-record.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { type Decision, gaveWay } from './decision.ts';
import { toldSegments } from './told-segments.ts';
import { neededFor, slackOf } from './unmet-deadline.ts';

/** A decision as a frame was run by it. */
export interface Decided {
  decision: Decision;
  input: PlanningInput;
  configuration: DeviceConfiguration;
}

/**
 * The last decisions that differ from the one before them, each with its inputs.
 * INVARIANT: the last one is in force, and counts the frames that were run by it.
 */
export interface DecisionLog {
  /** @returns whether it is another one than before */
  record(decided: Decided): boolean;
  /** @returns undefined before the first */
  content(): DecisionLogContent | undefined;
}

export interface DecisionLogOptions {
  device: string;
  /** Decisions that are kept; the oldest goes. */
  limit: number;
  clock: Pick<Clock, 'wallTime'>;
}

export function createDecisionLog({ device, limit, clock }: DecisionLogOptions): DecisionLog {
  let decisions: DecisionRecord[] = [];
  let last: Decided | undefined;
  return {
    record(decided) {
      const at = clock.wallTime().toISOString();
      const kind = kindOf(last, decided);
      last = decided;
      const current = decisions.at(-1);
      if (kind === 'kept' && current !== undefined) {
        current.frames += 1;
        current.lastAt = at;
        return false;
      }
      decisions = [...decisions, recordOf(decided, kind === 'kept' ? 'first' : kind, at)].slice(-limit);
      return true;
    },
    content: () => (decisions.length === 0 ? undefined : { schema: 1, device, decisions }),
  };
}

function kindOf(before: Decided | undefined, { decision, configuration }: Decided): DecisionRecord['kind'] | 'kept' {
  if (before === undefined) return 'first';
  const [old, now] = [before.decision, decision];
  if (now.dynamic !== undefined && old.dynamic !== undefined) {
    if (now.dynamic.revision !== old.dynamic.revision) {
      return now.dynamic.kind === 'state-and-map-changed' ? now.dynamic.kind : 'map-changed';
    }
    if (now.dynamic.stateIndex !== old.dynamic.stateIndex) return 'state-changed';
  }
  const isSame =
    samePlan(now.candidate.plan, old.candidate.plan) &&
    now.planned === old.planned &&
    (now.dynamic === undefined) === (old.dynamic === undefined);
  if (!isSame) return 'plan-changed';
  return configuration.version === before.configuration.version ? 'kept' : 'configuration-changed';
}

function recordOf(
  { decision, input, configuration }: Decided,
  kind: DecisionRecord['kind'],
  at: string,
): DecisionRecord {
  const { candidate, planned, runnerUp, dynamic } = decision;
  const { version } = configuration;
  const needed = neededFor({ decision, input });
  return {
    at,
    lastAt: at,
    frames: 1,
    configurator: dynamic === undefined ? 'static' : 'dynamic',
    kind,
    planned,
    configurationVersion: version,
    bandwidthMbps: dynamic?.bandwidthMbps ?? input.offload?.link.uplinkMbps ?? null,
    queueMs: input.offload?.queueMs ?? 0,
    correction: input.correction ?? { device: 1, worker: 1 },
    ...toldSegments(input.plans),
    deviceSpread: input.deviceSpread ?? 1,
    busyMs: input.busyMs ?? 0,
    state: stateOf(decision),
    plan: plannedAs(input.plans.model, candidate),
    ...(dynamic && gaveWay(decision) && { mapPlan: plannedAs(input.plans.model, dynamic.chosen) }),
    slackMs: slackOf({ decision, input }),
    ...(needed && { needed }),
    runnerUp: runnerUp && plannedAs(input.plans.model, runnerUp),
  };
}

function stateOf({ dynamic }: Decision): DecisionRecord['state'] {
  if (dynamic === undefined) return null;
  const { stateIndex: index, previousStateIndex: previousIndex, state, runLength, revision } = dynamic;
  return { index, previousIndex, mbps: state.mbps, fromMbps: state.fromMbps, runLength, revision };
}

function plannedAs(model: ModelShape, { plan, prediction, accuracy }: Candidate): DecisionRecord['plan'] {
  const exit = model.exits[plan.exit - 1]?.name ?? `#${plan.exit}`;
  return { ...plan, exit, totalMs: prediction.totalMs, accuracy };
}
