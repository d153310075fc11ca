import type { ArrivedFrame } from './frame-source.ts';

/** Frames that come by themselves, at most `capacity` of them kept; the oldest goes, refused, and is counted in the next one given. */
export interface FrameBuffer {
  push(frame: Omit<ArrivedFrame, 'skipped'>): void;
  next(): Promise<ArrivedFrame | undefined>;
  /** @param error what whoever asks for the next frame is given */
  end(error?: Error): void;
}

export function createFrameBuffer(capacity: number): FrameBuffer {
  const waiting: Omit<ArrivedFrame, 'skipped'>[] = [];
  let ended = false;
  let skipped = 0;
  let failure: Error | undefined;
  let wake: { resolve: (frame: ArrivedFrame | undefined) => void; reject: (error: Error) => void } | undefined;
  return {
    push(frame) {
      if (wake !== undefined) {
        const { resolve } = wake;
        wake = undefined;
        // Whoever waits for a frame has taken all that came before, and was told what was lost.
        resolve({ ...frame, skipped: 0 });
        return;
      }
      waiting.push(frame);
      if (waiting.length > capacity) {
        waiting.shift()?.refuse?.('dropped: newer frames wait');
        skipped += 1;
      }
    },
    next() {
      const frame = waiting.shift();
      if (frame === undefined && failure !== undefined) return Promise.reject(failure);
      if (frame !== undefined) {
        const given = { ...frame, skipped };
        skipped = 0;
        return Promise.resolve(given);
      }
      if (ended) return Promise.resolve(undefined);
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
  };
}
