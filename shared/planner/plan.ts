import type { Encoding } from '../protocol/tensor-encoding.ts';
import type { Direction } from '../protocol/tensor-frame.ts';
import type { ImageEncoding, WireEncoding } from '../protocol/wire-encoding.ts';

/**
 * A co-inference strategy: how deep, cut where, who goes first, how the cut travels.
 * Each is written in one way only: device-only as device-first N in f32, edge-only as device-first 0; edge-first
 * partitions lie between 1 and N − 1.
 */
export interface Plan {
  /** Exit point i, 1..M. */
  exit: number;
  /** Partition point p: layers on the first tier, 0..N_i. */
  partition: number;
  direction: Direction;
  /** Of all that is sent to the worker; edge-first also of the cut that comes back. An image only of partition 0. */
  encoding: WireEncoding;
}

/** Predicted or measured times of one frame, milliseconds. */
export interface Breakdown {
  device: number;
  encode: number;
  upload: number;
  queue: number;
  worker: number;
  /** With the device's decoding: what is measured of a reply ends when its tensors are there. */
  download: number;
}

export interface Prediction {
  breakdownMs: Breakdown;
  /** T(plan). */
  totalMs: number;
  uploadBytes: number;
}

/** A plan with what it is predicted to take. */
export interface Candidate {
  plan: Plan;
  prediction: Prediction;
  /** Top-1, 0..1, as the plan's encoding leaves it. */
  accuracy: number;
}

/** What a frame is run by, and what would have been chosen without the exit of it. */
export interface PlannedNow {
  chosen: Candidate;
  runnerUp: Candidate | null;
}

/** One tensor that crosses a cut. */
export interface TensorShape {
  elements: number;
  rank: number;
}

/** What a planner must know of a model. */
export interface ModelShape {
  exits: readonly ExitShape[];
}

export interface ExitShape {
  name: string;
  /** Top-1 accuracy in f32, 0..1. */
  accuracy: number;
  /**
   * Top-1 accuracy where the cut after p layers travels in this encoding; index p, 0..N − 1. It was measured
   * device-first and stands for edge-first too, where the input loses digits as well. Absent: as in f32.
   */
  encodedAccuracy?: Partial<Record<Exclude<Encoding, 'f32'>, readonly number[]>>;
  /** Where the input travels as an image file; absent: it does not. */
  imageEncodings?: Partial<Record<ImageEncoding, ImageInput>>;
  /** cuts[p] holds the tensors alive after p layers; cuts[0] is the input, cuts[N] the output. */
  cuts: readonly (readonly TensorShape[])[];
}

/** What an input costs as an image file. */
export interface ImageInput {
  /** Top-1, 0..1. */
  accuracy: number;
  /** Of the file: by the mean, half of the frames that a plan just fits for would come too late. 95 % have no more. */
  bytes: number;
}

export function samePlan(a: Plan, b: Plan): boolean {
  return a.exit === b.exit && a.partition === b.partition && a.direction === b.direction && a.encoding === b.encoding;
}

/** @returns a plan as people write it, e.g. "exit3 @7 u8", with the direction where it is edge-first */
export function describePlan({ exit, partition, direction, encoding }: Plan): string {
  return `exit${exit} @${partition} ${encoding}${direction === 'edge-first' ? ' edge-first' : ''}`;
}
