import type { Frame } from '../../shared/model/frame.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { FrameSource } from './frame-source.ts';

/**
 * Gives frames at a steady rate, like a camera: a slot that passes while the last frame is still being run
 * is lost, and counted: nothing piles up.
 * @param pick the frame of a number, counted over the frames that were given
 */
export function createPacedSource(pick: (index: number) => Frame, framesPerSecond: number, clock: Clock): FrameSource {
  const periodMs = 1000 / framesPerSecond;
  let originMs: number | undefined;
  let given = 0;
  /** Slot of the frame that was given last. */
  let slot = 0;
  let closed = false;
  let wake: (() => void) | undefined;

  return {
    async next() {
      originMs ??= clock.nowMs();
      const elapsedMs = clock.nowMs() - originMs;
      // A timer may go off a little before its slot: then the last slot comes again here, and none was lost.
      const next = given === 0 ? 0 : Math.floor(elapsedMs / periodMs) + 1;
      if (given > 0) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(next * periodMs - elapsedMs, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      }
      if (closed) return undefined;
      const frame = pick(given);
      given += 1;
      const skipped = Math.max(0, next - slot - 1);
      slot = next;
      return { frame, arrivedAtMs: clock.nowMs(), skipped };
    },
    async close() {
      closed = true;
      wake?.();
    },
  };
}
