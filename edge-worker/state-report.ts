import type { Progress, Reported } from '../shared/protocol/messages.ts';

type State = Pick<Reported, 'version' | 'modelDigest' | 'state' | 'error'>;

/** Puts together what the worker reports of itself: where its configuration stands, and whether it is measuring. */
export interface StateReport {
  set(state: State): void;
  /** @param progress undefined where there is none to tell yet */
  setProfiling(profiling: boolean, progress?: Progress): void;
  /** Sends it again. */
  repeat(): void;
}

export function createStateReport(boot: number, send: (reported: Reported) => void): StateReport {
  let current: State = { version: 0, modelDigest: null, state: 'starting' };
  let profiling = false;
  let progress: Progress | undefined;

  function repeat(): void {
    // Measuring is no hindrance to serving: it shows only where everything else is as it should be.
    if (!profiling || current.state !== 'ready') send({ schema: 1, boot, ...current });
    else send({ schema: 1, boot, ...current, state: 'profiling', ...(progress === undefined ? {} : { progress }) });
  }

  return {
    set(state) {
      current = state;
      repeat();
    },
    setProfiling(now, soFar) {
      profiling = now;
      progress = soFar;
      repeat();
    },
    repeat,
  };
}
