import type { ArrivedFrame } from './frame-source.ts';

/** Frames that come by themselves, at most `capacity` of them kept; the oldest goes, counted and refused. */
export interface FrameBuffer {
  push(frame: ArrivedFrame): void;
  next(): Promise<ArrivedFrame | undefined>;
  /** @param error what whoever asks for the next frame is given */
  end(error?: Error): void;
  dropped(): number;
}

export function createFrameBuffer(capacity: number): FrameBuffer {
  const waiting: ArrivedFrame[] = [];
  let ended = false;
  let dropped = 0;
  let failure: Error | undefined;
  let wake: { resolve: (frame: ArrivedFrame | undefined) => void; reject: (error: Error) => void } | undefined;
  return {
    push(frame) {
      if (wake !== undefined) {
        const { resolve } = wake;
        wake = undefined;
        resolve(frame);
        return;
      }
      waiting.push(frame);
      if (waiting.length > capacity) {
        waiting.shift()?.refuse?.('dropped: newer frames wait');
        dropped += 1;
      }
    },
    next() {
      const frame = waiting.shift();
      if (frame === undefined && failure !== undefined) return Promise.reject(failure);
      if (frame !== undefined || ended) return Promise.resolve(frame);
      return new Promise((resolve, reject) => {
        wake = { resolve, reject };
      });
    },
    end(error) {
      ended = true;
      failure ??= error;
      if (error === undefined) wake?.resolve(undefined);
      else wake?.reject(error);
      wake = undefined;
    },
    dropped: () => dropped,
  };
}
