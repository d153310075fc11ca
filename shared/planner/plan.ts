import type { Encoding } from '../protocol/tensor-encoding.ts';
import type { Direction } from '../protocol/tensor-frame.ts';

/** A co-inference strategy: how deep, cut where, who goes first, how the cut travels. */
export interface Plan {
  /** Exit point i, 1..M. */
  exit: number;
  /** Partition point p: layers on the first tier, 0..N_i. */
  partition: number;
  direction: Direction;
  encoding: Encoding;
}

/** Predicted or measured times of one frame, milliseconds. */
export interface Breakdown {
  device: number;
  encode: number;
  upload: number;
  queue: number;
  worker: number;
  download: number;
}

export interface Prediction {
  breakdownMs: Breakdown;
  /** T(plan). */
  totalMs: number;
  uploadBytes: number;
}

/** One tensor that crosses a cut. */
export interface TensorShape {
  elements: number;
  rank: number;
}

/** What a planner must know of a model. */
export interface ModelShape {
  exits: readonly {
    name: string;
    /** Top-1 accuracy, 0..1. */
    accuracy: number;
    /** cuts[p] holds the tensors alive after p layers; cuts[0] is the input, cuts[N] the output. */
    cuts: readonly (readonly TensorShape[])[];
  }[];
}

export function samePlan(a: Plan, b: Plan): boolean {
  return a.exit === b.exit && a.partition === b.partition && a.direction === b.direction && a.encoding === b.encoding;
}

/** @returns a plan as people write it, e.g. "exit3 @7 u8" */
export function describePlan(plan: Plan): string {
  return `exit${plan.exit} @${plan.partition} ${plan.encoding}`;
}
