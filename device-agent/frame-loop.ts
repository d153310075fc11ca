import { preprocess } from '../shared/adapters/images.ts';
import { planLocal } from '../shared/planner/algorithm-1.ts';
import type { DynamicDecision } from '../shared/planner/algorithm-3.ts';
import type { Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { FrameFailure, FrameResult } from '../shared/protocol/frame-result.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError, isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { CodecNs } from './codec-timing.ts';
import type { Corrector, RanFrame } from './corrector.ts';
import { type Decision, decide, planningInput } from './decision.ts';
import type { Decided } from './decision-log.ts';
import type { DynamicConfigurator } from './dynamic-configurator.ts';
import type { EarlyExit } from './early-exits.ts';
import { frameResult } from './frame-result.ts';
import { runFrame } from './frame-runner.ts';
import type { LinkMonitor } from './link-monitor.ts';
import type { LoadedModel } from './loaded-model.ts';
import { wholeBranches } from './local-finish.ts';
import type { LocalTiming } from './local-timing.ts';
import type { OffloadClient } from './offload.ts';
import { rehearse } from './rehearsal.ts';
import { rehearsedExits } from './rescue-exit.ts';
import type { Situation } from './service.ts';
import type { ArrivedFrame, FrameSource } from './sources/frame-source.ts';
import type { WorkerLink } from './worker-link.ts';

export interface FrameLoopOptions {
  device: string;
  source: FrameSource;
  /** Asked before each frame, so that a new configuration takes hold at the next one. */
  situation: () => Situation;
  offload: OffloadClient;
  monitor: LinkMonitor;
  workerLink: WorkerLink;
  localTiming: LocalTiming;
  codecNs: CodecNs;
  processorFactor: number;
  configurator: DynamicConfigurator;
  corrector: Corrector;
  /** Told what each frame was run by, and why. */
  onDecision: (decided: Decided) => void;
  /** Asked before each frame. */
  forcedPlan: () => Partial<Plan> | undefined;
  /** Told of each frame that a forced plan cannot run, before it is run by another. */
  onForcedPlanLeftOut: (forced: Partial<Plan>, input: PlanningInput) => void;
  /** 0: until the source ends. */
  maxFrames: number;
  onResult: (result: FrameResult) => void;
  /** Told instead of `onResult` where a frame came to nothing. */
  onFailure: (failure: FrameFailure) => void;
  /** Told where a whole reply came before its frame had ended, yet too late to be used. */
  onLateReply: () => void;
  clock: Clock;
  log: Log;
}

/** Runs frames one after the other until the source ends. @returns how many */
export async function runFrames(options: FrameLoopOptions): Promise<number> {
  const { source, clock, log, maxFrames } = options;
  let count = 0;
  // Before the first frame nothing is known of what else a fallback may end on.
  let rehearsed: readonly number[] = [1];
  while (maxFrames === 0 || count < maxFrames) {
    const askedMs = clock.nowMs();
    const arrived = await source.next();
    if (arrived === undefined) break;
    const gapMs = clock.nowMs() - askedMs;
    try {
      const { result, ran, model, early, rehearsable } = await runOne(options, arrived, count);
      rehearsed = rehearsable;
      options.onResult(result);
      arrived.respond?.(result);
      options.corrector.learn(ran);
      loadWhatIsMissing(options, model, { ...ran, early, gapMs });
    } catch (error) {
      log.error({ frame: arrived.frame.name, reason: messageOf(error) }, 'frame failed');
      options.onFailure(failureOf(options, arrived, count, error));
      arrived.refuse?.(messageOf(error));
    }
    count += 1;
    rehearse(options, rehearsed);
  }
  return count;
}

function failureOf(
  { device }: FrameLoopOptions,
  { frame: { name }, skipped }: ArrivedFrame,
  frame: number,
  error: unknown,
): FrameFailure {
  return { schema: 1, device, frame, name, failed: messageOf(error), skipped };
}

/** What is told of a frame, and what is learnt of it. */
interface Ended {
  result: FrameResult;
  ran: RanFrame;
  model: LoadedModel;
  /** What may be asked before the cut of its plan is sent, loaded or not. */
  early: EarlyExit | undefined;
  /** Exits that are to be run now and then for the sake of their time. */
  rehearsable: number[];
}

async function runOne(options: FrameLoopOptions, arrived: ArrivedFrame, number: number): Promise<Ended> {
  const { clock, workerLink } = options;
  const situation = options.situation();
  const { configuration, model } = situation;
  const { manifest } = model.package;
  const startMs = clock.nowMs();
  const data = await preprocess(arrived.frame, manifest.preprocessing);
  const input = inputNow(options, situation);
  const decision = decideNow(options, situation, input);
  options.onDecision({ decision, input, configuration });
  const early = model.earlyExits.of(configuration.policy, decision.candidate);
  const preprocessMs = clock.nowMs() - startMs;
  const outcome = await runFrame(
    {
      segments: model.segments,
      images: model.images,
      offload: options.offload,
      monitor: options.monitor,
      localTiming: options.localTiming,
      clock,
    },
    {
      frame: {
        input: { data, dims: [1, ...manifest.input.shape] },
        arrivedAtMs: arrived.arrivedAtMs,
        preprocessMs,
        deadlineMs: configuration.policy.deadlineMs,
      },
      decision,
      input,
      worker: workerLink.reachable(),
      model: model.shortDigest,
      ...(early && model.earlyExits.isReady(early) && { early }),
    },
  );
  const endedAtMs = clock.nowMs();
  if (outcome.heard) workerLink.observeOutcome('answered');
  else if (outcome.fallback === 'timeout' || outcome.fallback === 'disconnected') workerLink.observeOutcome('lost');
  if (outcome.unusedReport !== undefined) options.onLateReply();
  const ran: RanFrame = {
    configuration,
    input,
    plans: situation.plans ?? input.plans,
    segment: model.segments.nameOf(decision.candidate.plan),
    decision,
    outcome,
    preprocessMs,
    elapsedMs: endedAtMs - startMs,
  };
  const result = frameResult({
    ...ran,
    device: options.device,
    number,
    arrived,
    endedAtMs,
    labels: manifest.labels,
    rescue: options.localTiming.fastest(),
  });
  const branches = wholeBranches({ segments: model.segments, localTiming: options.localTiming }, input);
  return { result, ran, model, early, rehearsable: rehearsedExits(branches, input.policy) };
}

function inputNow(options: FrameLoopOptions, { configuration, plans, model }: Situation): PlanningInput {
  const { monitor, processorFactor, codecNs, workerLink, corrector } = options;
  const input = planningInput({
    configuration,
    plans: plans && corrector.plansFor(plans, model.segments.nameOf),
    monitor,
    processorFactor,
    correction: corrector.factors(configuration),
    frameMs: corrector.frameMs(),
    deviceSpread: corrector.deviceSpread(),
    busyMs: model.segments.busyMs(),
    codecNs: { ...codecNs, imageCodecMs: model.images.codecMs },
    workerReachable: workerLink.reachable() !== undefined,
  });
  if (input === undefined) throw new FleetError('not-found', 'this device class has no profile yet');
  return input;
}

/** Where the policy leaves no plan at all, the frame is answered by the best exit that fits, and says so. */
function decideNow(options: FrameLoopOptions, { configuration, model }: Situation, input: PlanningInput): Decision {
  const forced = options.forcedPlan();
  const decision = decide(input, {
    isReady: (plan) => isPlanReady(options, model, plan),
    forced,
    dynamic: lookUp(options, configuration),
  });
  if (decision !== undefined) return decision;
  if (forced !== undefined) options.onForcedPlanLeftOut(forced, input);
  const candidate = planLocal(input, input.policy.deadlineMs);
  if (candidate === undefined) throw new FleetError('model-unknown-exit', 'the model has no exit');
  return { candidate, runnerUp: null, wanted: undefined, planned: 'unplanned', dynamic: undefined };
}

function lookUp(
  { configurator, corrector }: FrameLoopOptions,
  { map, policy }: DeviceConfiguration,
): DynamicDecision | undefined {
  if (policy.configurator === 'static' || map === null) return undefined;
  return configurator.decide(corrector.mapFor(map), policy.detector);
}

function isPlanReady({ workerLink }: FrameLoopOptions, model: LoadedModel, plan: Plan): boolean {
  const last = (model.shape.exits[plan.exit - 1]?.cuts.length ?? 1) - 1;
  if (!model.segments.has(plan)) return false;
  return plan.partition === last || workerLink.isPrepared(plan);
}

/** @param ran `gapMs`: for how long the device had waited for the frame */
function loadWhatIsMissing(
  options: FrameLoopOptions,
  model: LoadedModel,
  {
    decision,
    outcome,
    early,
    gapMs,
  }: Pick<RanFrame, 'decision' | 'outcome'> & Pick<Ended, 'early'> & { gapMs: number },
): void {
  if (decision.wanted !== undefined) makeReady(options, model, decision.wanted);
  // While frames fall back the thread has no time to lose.
  else if (outcome.fallback !== null) return;
  else if (early !== undefined && !model.earlyExits.isReady(early)) makeEarlyReady(options, model, early);
  else if (outcome.finishedOn === 'worker') keepTails(options, model, { plan: decision.candidate.plan, gapMs });
}

function makeEarlyReady({ log }: FrameLoopOptions, { earlyExits }: LoadedModel, early: EarlyExit): void {
  earlyExits.prepare(early).catch((error: unknown) => {
    if (isFleetError(error, 'inference-closed')) return;
    log.error({ exit: early.side.exit, reason: messageOf(error) }, 'early exit could not be loaded');
  });
}

function keepTails(
  { log }: FrameLoopOptions,
  { keptTails }: LoadedModel,
  { plan, gapMs }: { plan: Plan; gapMs: number },
): void {
  keptTails.keepFor(plan, gapMs).catch((error: unknown) => {
    if (isFleetError(error, 'inference-closed')) return;
    log.error({ plan, reason: messageOf(error) }, 'tail for fallbacks could not be loaded');
  });
}

function makeReady({ workerLink, log }: FrameLoopOptions, model: LoadedModel, plan: Plan): void {
  workerLink.prepare(plan);
  model.segments.prepare(plan).catch((error: unknown) => {
    log.error({ plan, reason: messageOf(error) }, 'segment could not be loaded');
  });
}
