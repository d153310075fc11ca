import type { PrintedInput } from '../../../shared/planner/algorithm-1-as-printed.ts';
import type { Plan } from '../../../shared/planner/plan.ts';
import type { PlanningInput } from '../../../shared/planner/predict.ts';

/** What a method decides on: the same costs for all, the link and the deadline. */
export interface Circumstances {
  /** Any direction and encoding; its policy has the deadline, and accuracies count however close they are. */
  input: PlanningInput;
  /** The same as the paper's algorithm reads it: single layers, sizes in f32. */
  printed: PrintedInput;
}

/** A plan with what the method believes that it takes. */
export interface Selection {
  plan: Plan;
  predictedMs: number;
  /** As the plan's encoding leaves it, 0..1. */
  accuracy: number;
}

/** One way to choose exit and partition. */
export interface Method {
  readonly name: string;
  /** How it chooses, in one sentence. */
  readonly about: string;
  /** @returns null where the method says that nothing meets the deadline */
  choose(circumstances: Circumstances): Selection | null;
}
