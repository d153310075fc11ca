/** Hears SIGINT, SIGTERM and SIGHUP from now on; the process no longer ends by itself on them. */
export interface StopRequest {
  /** Aborted by the first of them. */
  readonly signal: AbortSignal;
  /** Leaves the signals to whoever listened before. */
  release(): void;
}

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function listenForStop(signals: NodeJS.EventEmitter = process): StopRequest {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  for (const name of stopSignals) signals.on(name, abort);
  return {
    signal: stop.signal,
    release() {
      for (const name of stopSignals) signals.removeListener(name, abort);
    },
  };
}

/**
 * Waits for the request to stop, or until the time is over.
 * @param durationS 0: for ever
 */
export function untilStopped(durationS: number, { signal }: StopRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    // A timer is also what keeps the process alive where no duration is given.
    const timer = setTimeout(durationS > 0 ? done : () => undefined, durationS > 0 ? durationS * 1000 : 2 ** 31 - 1);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
