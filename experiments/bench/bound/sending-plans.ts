import type { ModelDescription } from '../../../shared/model/describe-model.ts';
import { shapeOfCuts } from '../../../shared/planner/model-shape.ts';
import type { ExitShape, Plan, TensorShape } from '../../../shared/planner/plan.ts';
import { type Encoding, encodedBytes } from '../../../shared/protocol/tensor-encoding.ts';
import { directions } from '../../../shared/protocol/tensor-frame.ts';
import { seededRandom, shuffled } from '../../../shared/runtime/random.ts';

/** Layers from+1..to of one exit's branch. */
export interface Segment {
  /** 1..M */
  exit: number;
  from: number;
  to: number;
}

type TensorPlan = Plan & { encoding: Encoding };

/** A plan that sends something, with what it moves and what each side runs; null where a side runs nothing. */
export interface SendingPlan {
  plan: TensorPlan;
  /** What is sent, in the plan's encoding, and what comes back, in `replyEncoding`. */
  up: readonly TensorShape[];
  down: readonly TensorShape[];
  replyEncoding: Encoding;
  /** Of the tensors alone. */
  upBytes: number;
  downBytes: number;
  /** On the device before it sends, on the worker, and on the device when the reply has come. */
  before: Segment | null;
  worker: Segment;
  after: Segment | null;
}

/** f16 lies between the two. */
const measuredEncodings: readonly Encoding[] = ['f32', 'u8'];

/** @returns every plan of a model that sends anything, in f32 and u8; exits, directions, encodings and partitions rise */
export function sendingPlans(model: Pick<ModelDescription, 'branches'>): SendingPlan[] {
  return model.branches.flatMap((branch, index) => {
    const cuts = shapeOfCuts(branch);
    const last = cuts.length - 1;
    const partitions = Array.from({ length: last }, (_, partition) => partition);
    return directions.flatMap((direction) =>
      measuredEncodings.flatMap((encoding) =>
        // Edge-first 0 would be the whole branch on the device.
        partitions.slice(direction === 'edge-first' ? 1 : 0).map((partition) => {
          const plan: TensorPlan = { exit: index + 1, partition, direction, encoding };
          return { plan, ...moved(cuts, plan), ...segments(last, plan) };
        }),
      ),
    );
  });
}

type Moved = Pick<SendingPlan, 'up' | 'down' | 'replyEncoding' | 'upBytes' | 'downBytes'>;

function moved(cuts: ExitShape['cuts'], { partition, direction, encoding }: TensorPlan): Moved {
  const isEdgeFirst = direction === 'edge-first';
  const up = cuts[isEdgeFirst ? 0 : partition] ?? [];
  const down = (isEdgeFirst ? cuts[partition] : cuts.at(-1)) ?? [];
  // An exit's output comes back in f32 whatever was sent.
  const replyEncoding = isEdgeFirst ? encoding : 'f32';
  return { up, down, replyEncoding, upBytes: bytesOf(up, encoding), downBytes: bytesOf(down, replyEncoding) };
}

function bytesOf(tensors: readonly TensorShape[], encoding: Encoding): number {
  return tensors.reduce((sum, { elements }) => sum + encodedBytes(encoding, elements), 0);
}

function segments(
  last: number,
  { exit, partition, direction }: Plan,
): Pick<SendingPlan, 'before' | 'worker' | 'after'> {
  const first = partition === 0 ? null : { exit, from: 0, to: partition };
  const rest = { exit, from: partition, to: last };
  if (direction === 'device-first' || first === null) return { before: first, worker: rest, after: null };
  return { before: null, worker: first, after: rest };
}

/**
 * Takes as many plans as fit into a time, drawn at random, the same ones each time: evenly spaced ones might all be of
 * one direction.
 * @param costMs what measuring one plan should take
 * @returns all of them where they fit, at least one, in their own order
 */
export function thinOut<T>(plans: readonly T[], costMs: (plan: T) => number, budgetMs: number): T[] {
  const drawn = new Set<T>();
  let leftMs = budgetMs;
  for (const plan of shuffled(plans, seededRandom(1))) {
    leftMs -= costMs(plan);
    if (leftMs < 0 && drawn.size > 0) break;
    drawn.add(plan);
  }
  return plans.filter((plan) => drawn.has(plan));
}
