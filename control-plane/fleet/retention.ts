import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../store/store.ts';

const intervalMs = 60_000;
const dayMs = 86_400_000;

/** Keeps telemetry bounded: looks once a minute at the devices that reported since. */
export interface Retention {
  reported(deviceId: string): void;
  close(): void;
}

export function createRetention(options: {
  store: Store;
  clock: Clock;
  /** Reports that are kept of each device, of each kind. */
  rowsPerDevice: number;
  days: number;
  log: Log;
}): Retention {
  const { store, clock, rowsPerDevice: keep, days, log } = options;
  const deviceIds = new Set<string>();
  let cancel = clock.after(intervalMs, run);

  function run(): void {
    const olderThan = new Date(clock.wallTime().getTime() - days * dayMs).toISOString();
    try {
      store.transaction(() => {
        store.samples.prune({ deviceIds, keep, olderThan });
        store.summaries.prune({ deviceIds, keep, olderThan });
        store.results.prune({ deviceIds, keep, olderThan });
      });
      deviceIds.clear();
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'old telemetry was not deleted; trying again in a minute');
    }
    cancel = clock.after(intervalMs, run);
  }
  return {
    reported: (deviceId) => void deviceIds.add(deviceId),
    close: () => cancel(),
  };
}
