import type { RateSample } from '../../../../device-agent/link-monitor.ts';
import type { BandwidthTrace } from '../../../../shared/planner/bandwidth-trace.ts';
import type { PlanningInput } from '../../../../shared/planner/predict.ts';
import type { ConfigurationMap } from '../../../../shared/protocol/configuration-map.ts';
import type { Clock } from '../../../../shared/runtime/clock.ts';
import type { PlaceCosts, PlanCosts } from '../plan-costs.ts';
import type { Now, RatePlanner } from '../rate-planner.ts';
import type { Objective } from '../score.ts';
import type { VirtualFrame } from '../virtual-frame.ts';

/** What a method is begun with for one trace. */
export interface Scene {
  readonly input: PlanningInput;
  readonly costs: PlaceCosts;
  readonly objective: Objective;
  /** Algorithm 2's, for states that come of other traces. */
  readonly map: ConfigurationMap;
  readonly planAt: RatePlanner;
  /** The trace that is replayed; none but the fixed plan and the oracle may look at it. */
  readonly trace: BandwidthTrace;
  /** Virtual time. */
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** What is known when a frame comes. */
export interface Moment extends Now {
  /** What a plan would come to on the link as it will be. */
  tryOut(plan: PlanCosts): VirtualFrame;
}

/** One method at work on one trace. */
export interface Chooser {
  /** Told each sample of the link as it becomes known. */
  observe(sample: RateSample): void;
  choose(moment: Moment): PlanCosts;
}

/** One way to choose plans while the bandwidth moves. */
export interface DynamicMethod {
  readonly name: string;
  /** How it chooses, in one sentence. */
  readonly about: string;
  /** Run by the device agent: that falls back to a local exit where a reply is late, rehearses it, and probes the link. */
  readonly byAgent: boolean;
  begin(scene: Scene): Chooser;
}
