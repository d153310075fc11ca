import type { Frame } from '../../shared/model/frame.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';

/** A frame and when it came; whoever sent it may want the result. */
export interface ArrivedFrame {
  frame: Frame;
  arrivedAtMs: number;
  /** Frames that were lost since the last one was given, for the device was busy. */
  skipped: number;
  respond?: (result: FrameResult) => void;
  /** Instead of `respond`, where the frame came to nothing. */
  refuse?: (reason: string) => void;
}

/** Where frames come from. */
export interface FrameSource {
  /**
   * @returns the next frame as soon as there is one, undefined when there will be none
   * @throws {FleetError} why the source never gave any
   */
  next(): Promise<ArrivedFrame | undefined>;
  close(): Promise<void>;
}
