import type { FrameResult } from '../../shared/protocol/frame-result.ts';

/** A result and when it came here, on this process's monotonic clock. */
export interface LoggedResult extends FrameResult {
  atMs: number;
}

/** The results of a run, to look back at and to wait for. */
export interface ResultLog {
  readonly results: readonly LoggedResult[];
  record(result: FrameResult): void;
  /**
   * Resolves when this holds of what came so far: looked at now, and after each result.
   * @param what told when the time is over
   */
  until(what: string, timeoutMs: number, holds: (results: readonly LoggedResult[]) => boolean): Promise<void>;
  /** Resolves with the first result from now on of which this holds. */
  next(what: string, timeoutMs: number, holds: (result: LoggedResult) => boolean): Promise<LoggedResult>;
}

export function createResultLog(): ResultLog {
  const results: LoggedResult[] = [];
  const watchers = new Set<() => void>();

  function until(what: string, timeoutMs: number, holds: (all: readonly LoggedResult[]) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        watchers.delete(look);
      };
      const timer = setTimeout(() => {
        settle();
        reject(new Error(`${what}: not within ${timeoutMs} ms; last: ${JSON.stringify(results.at(-1) ?? null)}`));
      }, timeoutMs);
      const look = (): void => {
        if (!holds(results)) return;
        settle();
        resolve();
      };
      watchers.add(look);
      look();
    });
  }

  return {
    results,
    record(result) {
      results.push({ ...result, atMs: performance.now() });
      for (const watcher of watchers) watcher();
    },
    until,
    async next(what, timeoutMs, holds) {
      const from = results.length;
      let found: LoggedResult | undefined;
      await until(what, timeoutMs, (all) => {
        found = all.slice(from).find(holds);
        return found !== undefined;
      });
      if (found === undefined) throw new Error(what);
      return found;
    },
  };
}
