import { type LatencyTable, latencyTable } from '../../shared/protocol/profile.ts';
import type { ProfileKey } from '../store/profiles.ts';
import type { Store } from '../store/store.ts';

/**
 * Gives what is planned with: the prediction where there is one, for it is there only while nothing is measured, else
 * what was measured.
 * @throws {FleetError} `store-damaged`
 */
export function tableOf(store: Pick<Store, 'predictions' | 'profiles'>, key: ProfileKey): LatencyTable | undefined {
  const predicted = store.predictions.get(key)?.table;
  if (predicted !== undefined) return predicted;
  const measured = store.profiles.get(key)?.profile;
  return measured && latencyTable(measured);
}
