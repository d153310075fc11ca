import type { Tensor } from '../shared/model/tensor.ts';
import type { Breakdown, Plan } from '../shared/planner/plan.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import type { FallbackReason } from '../shared/protocol/frame-result.ts';
import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Decision } from './decision.ts';
import type { EarlyExit } from './early-exits.ts';
import type { ImageWriter } from './image-writer.ts';
import type { LinkMonitor } from './link-monitor.ts';
import type { LocalTiming } from './local-timing.ts';
import type { OffloadClient } from './offload.ts';
import type { Segments } from './segments.ts';

/** A frame that is ready to be run. */
export interface PreparedFrame {
  input: Tensor;
  /** When the frame came, on the clock: the deadline counts from here. */
  arrivedAtMs: number;
  /** Spent on turning the image into a tensor, ms. */
  preprocessMs: number;
  deadlineMs: number;
}

/** Who and what a frame is run on. */
export interface FrameRunnerOptions {
  segments: Segments;
  images: Pick<ImageWriter, 'write'>;
  offload: OffloadClient;
  monitor: LinkMonitor;
  localTiming: LocalTiming;
  clock: Clock;
}

/** What one frame is run with. */
export interface FramePlan {
  frame: PreparedFrame;
  decision: Decision;
  input: PlanningInput;
  worker: string | undefined;
  /** First 8 bytes of the model's digest, hexadecimal. */
  model: string;
  /** Loaded, and allowed by the policy; absent: no exit is asked before the cut is sent. */
  early?: EarlyExit | undefined;
  /** What an early exit said that was not sure; absent: none has been asked. */
  atHand?: AnswerAtHand;
}

/** An answer that nothing has to be run for any more. */
export interface AnswerAtHand {
  exit: number;
  /** How many of its layers the head had run. */
  continuedFrom: number;
  output: Float32Array;
}

/** An early exit that was asked. */
export interface AskedExit {
  exit: number;
  /** It ended the frame. */
  confident: boolean;
  /** Of its output, nats; not a number where an output is none. */
  entropy: number;
  threshold: number;
  /** From handing it to the thread to its output, ms. */
  ms: number;
}

/** How a frame ended: where and how it was finished, which is not its plan where it fell back. */
export interface FrameOutcome extends Plan {
  output: Float32Array;
  finishedOn: 'device' | 'worker';
  fallback: FallbackReason | null;
  /** How many of the exit's layers the head had run, where a fallback or an early exit went on from there. */
  continuedFrom?: number;
  /** Whatever it said; what it took counts as the device's. */
  asked?: AskedExit;
  /** Whether at least part of an answer of the worker came before the frame ended. */
  heard: boolean;
  /** What the worker told in a whole reply that came before the frame ended, yet too late to be used. */
  unusedReport?: WorkerReport | undefined;
  breakdownMs: Breakdown;
  /** What onnxruntime itself took on either side, ms. */
  runtimeMs: { device: number; worker: number };
  uploadBytes: number;
}

/** @returns when the frame is to be answered at the latest, on the clock */
export function deadlineAtMs({ frame }: FramePlan): number {
  return frame.arrivedAtMs + frame.deadlineMs;
}
