import type { BandwidthTrace } from '../../../shared/planner/bandwidth-trace.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';
import type { ConfigurationMap } from '../../../shared/protocol/configuration-map.ts';
import { createEar } from './ear.ts';
import type { DynamicMethod } from './methods/method.ts';
import type { PlaceCosts, PlanCosts } from './plan-costs.ts';
import type { RatePlanner } from './rate-planner.ts';
import { createRescues } from './rescues.ts';
import type { Objective } from './score.ts';
import { type FrameRules, idleWorld, runVirtualFrame, type VirtualFrame } from './virtual-frame.ts';

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
  /** The 99th percentile of `slownessAt`: what the device has seen its whole branches take. */
  readonly p99Slowness: number;
}

/** A frame with what it was run by. */
export type PlayedFrame = VirtualFrame & { readonly planned: PlanCosts };

/** Runs the frames of one method over one trace in virtual time; the same replay gives the same frames. */
export function* replay(options: Replay): Generator<PlayedFrame> {
  const { trace, method, costs, periodMs, input } = options;
  const rescues = createRescues(costs, input.policy, options.p99Slowness);
  const rulesNow = (): FrameRules => ({
    costs,
    trace,
    policy: input.policy,
    rescues: rescues.branches(),
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
  let startMs = ear.begin();
  const untilMs = options.untilMs ?? trace.durationMs;
  for (let count = 0; startMs < untilMs; count += 1) {
    world = method.byAgent ? ear.hear(world, startMs) : world;
    const now = { startMs, slowness: options.slownessAt(count) };
    const before = world;
    const rules = rulesNow();
    const planned = chooser.choose({
      estimateMbps: ear.estimateMbps(),
      moves: ear.moves(),
      // What runs beside the getting ready of the frame has run by then.
      busyMs: Math.max(0, before.deviceFreeMs - startMs - costs.frameMs),
      tryOut: (plan) => runVirtualFrame(rules, before, { ...now, planned: plan }),
    });
    const frame = { ...runVirtualFrame(rules, before, { ...now, planned }), planned };
    yield frame;
    ear.expect(frame.samples);
    const after = rescues.after(frame);
    world = method.byAgent ? after : frame.world;
    startMs = Math.max(frame.endMs, startMs + periodMs);
  }
}
