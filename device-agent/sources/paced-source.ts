import type { Frame } from '../../shared/model/frame.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { FrameSource } from './frame-source.ts';

/**
 * Gives frames at a steady rate, like a camera: a slot that passes while the last frame is still being run
 * is lost, nothing piles up.
 * @param pick the frame of a number, counted over the frames that were given
 */
export function createPacedSource(pick: (index: number) => Frame, framesPerSecond: number, clock: Clock): FrameSource {
  const periodMs = 1000 / framesPerSecond;
  let originMs: number | undefined;
  let given = 0;
  let closed = false;
  let wake: (() => void) | undefined;

  return {
    async next() {
      originMs ??= clock.nowMs();
      const waited = (clock.nowMs() - originMs) % periodMs;
      const first = given === 0;
      if (!first) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(periodMs - waited, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      }
      if (closed) return undefined;
      const frame = pick(given);
      given += 1;
      return { frame, arrivedAtMs: clock.nowMs() };
    },
    async close() {
      closed = true;
      wake?.();
    },
  };
}
