import type { ModelDescription } from '../../shared/model/describe-model.ts';
import { latencyObservations, type ProfiledModel } from '../../shared/planner/latency-observations.ts';
import { predictedTable } from '../../shared/planner/predicted-table.ts';
import type { LatencyTable } from '../../shared/protocol/profile.ts';
import { isFleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { ProfileEntry, ProfileKey } from '../store/profiles.ts';
import type { Store } from '../store/store.ts';

/**
 * Latency tables of classes on which the model in force was never measured, from what other models took there.
 * INVARIANT: a table is fitted once for as long as the profiles that it rests on stay, however often it is asked for.
 */
export interface Predictions {
  /**
   * Predicts and stores what is needed and can be predicted, and deletes all others. The caller holds the transaction.
   * @param needs keys without a measured profile
   * @returns hash by key, each key as it was passed
   */
  provide(needs: readonly ProfileKey[], at: Date): Map<ProfileKey, string>;
}

interface Known {
  /** Hashes of the profiles that it rests on. */
  basis: string;
  /** Undefined: it cannot be predicted from these. */
  table: LatencyTable | undefined;
}

export function createPredictions(options: { store: Store; log: Log }): Predictions {
  const { store, log } = options;
  let known = new Map<string, Known>();

  function look(key: ProfileKey, entries: readonly ProfileEntry[]): Known {
    const sources = entries.filter((entry) => isOfClass(entry, key));
    const basis = sources.map(({ hash }) => hash).join();
    const before = known.get(nameOf(key));
    if (before?.basis === basis) return before;
    const table = predict(key, sources, options);
    const found = { ...key, sources: sources.length };
    if (table !== undefined) log.info({ ...found, ...table.fit }, 'latencies predicted');
    return { basis, table };
  }

  return {
    provide(needs, at) {
      const entries = needs.length === 0 ? [] : store.profiles.list();
      const looked = needs.map((key) => ({ key, found: look(key, entries) }));
      known = new Map(looked.map(({ key, found }) => [nameOf(key), found]));
      const hashes = new Map(
        looked.flatMap(({ key, found: { table } }): [ProfileKey, string][] =>
          table === undefined ? [] : [[key, store.predictions.put(key, table, at.toISOString())]],
        ),
      );
      store.predictions.keepOnly(hashes.keys());
      return hashes;
    },
  };
}

function nameOf({ tier, hardwareClass, modelDigest }: ProfileKey): string {
  return JSON.stringify([tier, hardwareClass, modelDigest]);
}

/** Another model of the same tier and class. */
function isOfClass(entry: ProfileEntry, { tier, hardwareClass, modelDigest }: ProfileKey): boolean {
  return entry.tier === tier && entry.hardwareClass === hardwareClass && entry.modelDigest !== modelDigest;
}

function predict(
  { modelDigest }: ProfileKey,
  sources: readonly ProfileEntry[],
  options: { store: Store; log: Log },
): LatencyTable | undefined {
  const description = sources.length === 0 ? undefined : descriptionOf(modelDigest, options);
  if (description === undefined) return undefined;
  const models = sources.flatMap((entry) => usableModel(entry, options));
  try {
    return models.length === 0 ? undefined : predictedTable(description, models);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    options.log.warn({ model: modelDigest, code: error.code, reason: error.message }, 'latencies not predicted');
    return undefined;
  }
}

/** One profile that is damaged, or of layers that its model does not have, must not keep the others from use. */
function usableModel(entry: ProfileEntry, options: { store: Store; log: Log }): ProfiledModel[] {
  const { tier, hardwareClass, modelDigest: digest } = entry;
  try {
    const profile = options.store.profiles.get(entry)?.profile;
    const description = descriptionOf(digest, options);
    if (profile === undefined || description === undefined) return [];
    const model = { profile, description, digest };
    return latencyObservations(model).length === 0 ? [] : [model];
  } catch (error) {
    if (!isFleetError(error)) throw error;
    const about = { tier, hardwareClass, model: digest, code: error.code, reason: error.message };
    options.log.warn(about, 'a profile is of no use for predictions');
    return [];
  }
}

function descriptionOf(digest: string, { store, log }: { store: Store; log: Log }): ModelDescription | undefined {
  try {
    return store.descriptions.get(digest);
  } catch (error) {
    if (!isFleetError(error)) throw error;
    log.error({ model: digest, code: error.code, reason: error.message }, 'a model’s description is damaged');
    return undefined;
  }
}
