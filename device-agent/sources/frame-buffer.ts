import type { ArrivedFrame } from './frame-source.ts';

/** Frames that come by themselves, at most `capacity` of them kept; the oldest goes, counted. */
export interface FrameBuffer {
  push(frame: ArrivedFrame): void;
  next(): Promise<ArrivedFrame | undefined>;
  end(): void;
  dropped(): number;
}

export function createFrameBuffer(capacity: number): FrameBuffer {
  const waiting: ArrivedFrame[] = [];
  let ended = false;
  let dropped = 0;
  let wake: ((frame: ArrivedFrame | undefined) => void) | undefined;
  return {
    push(frame) {
      if (wake !== undefined) {
        const resolve = wake;
        wake = undefined;
        resolve(frame);
        return;
      }
      waiting.push(frame);
      if (waiting.length > capacity) {
        waiting.shift();
        dropped += 1;
      }
    },
    next() {
      const frame = waiting.shift();
      if (frame !== undefined || ended) return Promise.resolve(frame);
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
    end() {
      ended = true;
      wake?.(undefined);
    },
    dropped: () => dropped,
  };
}
