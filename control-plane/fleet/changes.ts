import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { PlaceFleetOptions } from '../placement/place-fleet.ts';
import type { Store } from '../store/store.ts';
import type { FleetMaps } from './fleet-maps.ts';
import type { Predictions } from './predictions.ts';
import { type Reconciled, reconcile } from './reconcile.ts';
import type { ReprofilingLimits } from './reprofiling.ts';

/**
 * The one way in which the fleet changes.
 * INVARIANTS: a change and all that follows from it are one transaction; what it publishes is stored before.
 */
export interface Changes {
  /** Runs a change of the store, reconciles, publishes what differs. What `work` throws undoes the change. */
  change<T>(work: () => T): T;
  /** The same, but reconciles only where `work` says so. */
  changeIfDue(work: () => boolean): void;
  /** As `change`, for callbacks where nobody would catch: a fault is logged, the next change tries again. */
  changeInBackground(work: () => void): void;
  close(): void;
}

export interface ChangesOptions extends Pick<PlaceFleetOptions, 'speeds' | 'placement'> {
  store: Store;
  clock: Clock;
  maps: FleetMaps;
  predictions: Predictions;
  limits: ReprofilingLimits;
  publish: (memberIds: readonly string[]) => void;
  log: Log;
}

export function createChanges(options: ChangesOptions): Changes {
  const { store, clock, publish, log } = options;
  let cancelNext: (() => void) | undefined;

  const reconcileNow = (): Reconciled => reconcile({ ...options, now: clock.wallTime() });

  function carryOut({ changed, nextMs }: Reconciled): void {
    cancelNext?.();
    cancelNext = undefined;
    if (nextMs !== undefined) {
      const delayMs = Math.max(0, nextMs - clock.wallTime().getTime());
      cancelNext = clock.after(delayMs, () => changeInBackground(() => undefined));
    }
    publish(changed);
  }
  function change<T>(work: () => T): T {
    const done = store.transaction(() => ({ result: work(), reconciled: reconcileNow() }));
    carryOut(done.reconciled);
    return done.result;
  }
  function changeInBackground(work: () => void): void {
    try {
      change(work);
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'the fleet could not be brought in line; the next change tries again');
    }
  }
  return {
    change,
    changeInBackground,
    changeIfDue(work) {
      const reconciled = store.transaction(() => (work() ? reconcileNow() : undefined));
      if (reconciled !== undefined) carryOut(reconciled);
    },
    close() {
      cancelNext?.();
      cancelNext = undefined;
    },
  };
}
