import { rehearsalGapMs, reservedMs } from '../../../device-agent/local-timing.ts';
import type { BandwidthTrace } from '../../../shared/planner/bandwidth-trace.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';
import type { ConfigurationMap } from '../../../shared/protocol/configuration-map.ts';
import { createEar } from './ear.ts';
import type { DynamicMethod } from './methods/method.ts';
import type { PlaceCosts, PlanCosts } from './plan-costs.ts';
import type { RatePlanner } from './rate-planner.ts';
import type { Objective } from './score.ts';
import { type FrameRules, idleWorld, runVirtualFrame, type VirtualFrame, type World } from './virtual-frame.ts';

/** One method on one trace. */
export interface Replay {
  readonly method: DynamicMethod;
  readonly trace: BandwidthTrace;
  readonly input: PlanningInput;
  readonly costs: PlaceCosts;
  readonly map: ConfigurationMap;
  readonly planAt: RatePlanner;
  readonly objective: Objective;
  /** From one frame's arrival to the next one's; a frame waits for the one before. 0: back to back. */
  readonly periodMs: number;
  /** Where in the trace it ends, ms; that of the trace if absent. */
  readonly untilMs?: number;
  /** What the device's n-th frame takes of its predicted time, … */
  readonly slownessAt: (frame: number) => number;
  /** … and what measuring makes of the n-th sample's rate. */
  readonly measuredAt: (sample: number) => number;
  /** The 99th percentile of `slownessAt`: what the device has seen its fastest exit take. */
  readonly p99Slowness: number;
}

/** A frame with what it was run by. */
export type PlayedFrame = VirtualFrame & { readonly planned: PlanCosts };

/** Runs the frames of one method over one trace in virtual time; the same replay gives the same frames. */
export function* replay(options: Replay): Generator<PlayedFrame> {
  const { trace, method, costs, periodMs, input } = options;
  const p99Ms = costs.fastestLocalMs * options.p99Slowness;
  let fastestRuns = 0;
  const rulesNow = (): FrameRules => ({
    costs,
    trace,
    deadlineMs: input.policy.deadlineMs,
    marginMs: input.policy.marginMs,
    slowMs: p99Ms,
    rescueMs: reservedMs({ runs: fastestRuns, p99Ms, slowestMs: p99Ms }),
    fallsBack: method.byAgent,
  });
  let nowMs = 0;
  const chooser = method.begin({ ...options, clock: { nowMs: () => nowMs } });
  const ear = createEar(options, {
    tell: chooser.observe,
    setTime(ms) {
      nowMs = ms;
    },
  });
  let world = idleWorld;
  let ranBranchMs = 0;
  let startMs = ear.begin();
  const untilMs = options.untilMs ?? trace.durationMs;
  for (let count = 0; startMs < untilMs; count += 1) {
    world = method.byAgent ? ear.hear(world, startMs) : world;
    const now = { startMs, slowness: options.slownessAt(count) };
    const before = world;
    const rules = rulesNow();
    const planned = chooser.choose({
      estimateMbps: ear.estimateMbps(),
      // What runs beside the getting ready of the frame has run by then.
      busyMs: Math.max(0, before.deviceFreeMs - startMs - costs.frameMs),
      tryOut: (plan) => runVirtualFrame(rules, before, { ...now, planned: plan }),
    });
    const frame = { ...runVirtualFrame(rules, before, { ...now, planned }), planned };
    yield frame;
    ear.expect(frame.samples);
    if (frame.ranFastest || frame.fellBack || planned.isLocal) ranBranchMs = frame.endMs;
    const isRehearsed = frame.endMs - ranBranchMs <= rehearsalGapMs(p99Ms);
    if (frame.ranFastest || !isRehearsed) fastestRuns += 1;
    world = isRehearsed || !method.byAgent ? frame.world : rehearse(rules, frame);
    if (!isRehearsed) ranBranchMs = world.deviceFreeMs;
    startMs = Math.max(frame.endMs, startMs + periodMs);
  }
}

/** The device's thread is busy with its fastest exit while the next frame comes. */
function rehearse({ costs }: FrameRules, { world, endMs }: VirtualFrame): World {
  return { ...world, deviceFreeMs: Math.max(world.deviceFreeMs, endMs) + costs.fastestLocalMs };
}
