import { isAtStake } from '../shared/planner/best-chance.ts';
import type { ModelShape, Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { FrameResult } from '../shared/protocol/frame-result.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import { type Decision, gaveWay } from './decision.ts';
import type { FrameOutcome } from './frame-run.ts';
import type { ArrivedFrame } from './sources/frame-source.ts';
import { toldSegments } from './told-segments.ts';

export interface FinishedFrame {
  device: string;
  number: number;
  arrived: ArrivedFrame;
  endedAtMs: number;
  outcome: FrameOutcome;
  decision: Decision;
  input: PlanningInput;
  configuration: DeviceConfiguration;
  labels: readonly string[];
  rescue: FrameResult['rescue'];
}

/** @returns what is told of a frame, rounded to microseconds */
export function frameResult(finished: FinishedFrame): FrameResult {
  const { arrived, outcome, decision, input, configuration, labels } = finished;
  const latencyMs = finished.endedAtMs - arrived.arrivedAtMs;
  const link = input.offload?.link;
  const truth = arrived.frame.label === undefined ? undefined : labels[arrived.frame.label];
  return {
    schema: 1,
    device: finished.device,
    frame: finished.number,
    name: arrived.frame.name,
    label: labels[argMax(outcome.output)] ?? `#${argMax(outcome.output)}`,
    truth: truth ?? null,
    exit: exitName(input.plans.model, outcome.exit),
    partition: outcome.partition,
    direction: outcome.direction,
    encoding: outcome.encoding,
    finishedOn: outcome.finishedOn,
    plan: namedPlan(input.plans.model, decision.candidate.plan),
    planned: decision.planned,
    configurationVersion: configuration.version,
    deadlineMs: configuration.policy.deadlineMs,
    latencyMs: round(latencyMs),
    met: latencyMs <= configuration.policy.deadlineMs,
    fallback: outcome.fallback,
    ...(outcome.continuedFrom === undefined ? {} : { continuedFrom: outcome.continuedFrom }),
    ...earlyExitOf(outcome, input.plans.model),
    breakdownMs: {
      device: round(outcome.breakdownMs.device),
      encode: round(outcome.breakdownMs.encode),
      upload: round(outcome.breakdownMs.upload),
      queue: round(outcome.breakdownMs.queue),
      worker: round(outcome.breakdownMs.worker),
      download: round(outcome.breakdownMs.download),
    },
    runtimeMs: { device: round(outcome.runtimeMs.device), worker: round(outcome.runtimeMs.worker) },
    assumed: {
      totalMs: round(decision.candidate.prediction.totalMs),
      uplinkMbps: link?.uplinkMbps ?? null,
      downlinkMbps: link?.downlinkMbps ?? null,
      rttMs: link?.rttMs ?? 0,
      queueMs: input.offload?.queueMs ?? 0,
      encodeNs: { ...input.encodeNs },
      decodeNs: { ...input.decodeNs },
      ...(input.imageCodecMs && { imageCodecMs: { ...input.imageCodecMs } }),
      frameMs: round(input.frameMs ?? 0),
      ...(input.correction === undefined ? {} : { correction: { ...input.correction } }),
      ...toldSegments(input.plans),
      deviceSpread: input.deviceSpread ?? 1,
      busyMs: input.busyMs ?? 0,
      ...movesAtStake(input),
    },
    ...lookedUp(decision),
    uploadBytes: outcome.uploadBytes,
    skipped: arrived.skipped,
    rescue: finished.rescue,
    processorFactor: input.processorFactor,
  };
}

function earlyExitOf({ asked }: FrameOutcome, model: ModelShape): Pick<FrameResult, 'earlyExit'> {
  if (asked === undefined) return {};
  const { confident, threshold } = asked;
  const entropy = Number.isNaN(asked.entropy) ? null : asked.entropy;
  return { earlyExit: { exit: exitName(model, asked.exit), confident, entropy, threshold, ms: round(asked.ms) } };
}

function movesAtStake(input: PlanningInput): Pick<FrameResult['assumed'], 'uplinkMoves'> {
  const moves = input.offload?.link.uplinkMoves;
  return moves === undefined || !isAtStake(input) ? {} : { uplinkMoves: [...moves] };
}

function lookedUp(decision: Decision): Pick<FrameResult, 'dynamic'> {
  if (decision.dynamic === undefined) return {};
  const { stateIndex, state, revision, runLength, slackMs } = decision.dynamic;
  const told = { stateIndex, mbps: state.mbps, revision, runLength, slackMs: round(slackMs) };
  return { dynamic: gaveWay(decision) ? { ...told, gaveWay: true } : told };
}

function namedPlan(model: ModelShape, plan: Plan): FrameResult['plan'] {
  return { ...plan, exit: exitName(model, plan.exit) };
}

function exitName(model: ModelShape, exit: number): string {
  return model.exits[exit - 1]?.name ?? `#${exit}`;
}

function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i += 1) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
