import type { Reported } from '../shared/protocol/messages.ts';

type State = Pick<Reported, 'version' | 'modelDigest' | 'state' | 'error'>;

/** Puts together what the worker reports of itself: where its configuration stands, and whether it is measuring. */
export interface StateReport {
  set(state: State): void;
  setProfiling(profiling: boolean): void;
  /** Sends it again. */
  repeat(): void;
}

export function createStateReport(boot: number, send: (reported: Reported) => void): StateReport {
  let current: State = { version: 0, modelDigest: null, state: 'starting' };
  let profiling = false;

  function repeat(): void {
    // Measuring is no hindrance to serving: it shows only where everything else is as it should be.
    const state = profiling && current.state === 'ready' ? 'profiling' : current.state;
    send({ schema: 1, boot, ...current, state });
  }

  return {
    set(state) {
      current = state;
      repeat();
    },
    setProfiling(now) {
      profiling = now;
      repeat();
    },
    repeat,
  };
}
