/**
 * Waits for SIGINT or SIGTERM, or until the time is over.
 * @param durationS 0: for ever
 */
export function untilStopped(durationS: number, signals: NodeJS.EventEmitter = process): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signals.removeListener('SIGINT', done);
      signals.removeListener('SIGTERM', done);
      resolve();
    };
    // A timer is also what keeps the process alive where no duration is given.
    const timer = setTimeout(durationS > 0 ? done : () => undefined, durationS > 0 ? durationS * 1000 : 2 ** 31 - 1);
    signals.on('SIGINT', done);
    signals.on('SIGTERM', done);
  });
}
