import type { Static } from 'typebox';
import { Type } from 'typebox';
import { isCalibratedFor } from '../../shared/model/early-exit.ts';
import { manifestParser } from '../../shared/model/manifest.ts';
import { type ModelReference, type Policy, PolicySchema, policyParser } from '../../shared/protocol/messages.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { PolicyRecord } from '../store/policies.ts';
import type { Store } from '../store/store.ts';

const { name: _name, version: _version, ...changeable } = PolicySchema.properties;
const { encodings, directions, rewardWeights, detector } = changeable;
/** Asked of changes alone: what was stored before it was asked must stay readable. */
const once = { uniqueItems: true };
/** What is not named inside stays as it is, as outside. */
const some = { additionalProperties: false, minProperties: 1 };

/**
 * What an operator may change of the policy: any of its fields, any of the detector’s settings and of the weights, and
 * the model package that it puts in force.
 */
export const PolicyChangeSchema = Type.Partial(
  Type.Object({
    ...changeable,
    encodings: Type.Array(encodings.items, { minItems: 1, ...once }),
    directions: Type.Array(directions.items, { minItems: 1, ...once }),
    rewardWeights: Type.Partial(Type.Object(rewardWeights.properties), some),
    detector: Type.Partial(Type.Object(detector.properties), some),
    model: Type.String({ minLength: 1, maxLength: 64 }),
  }),
  some,
);
export type PolicyChange = Static<typeof PolicyChangeSchema>;

/** Stores version 1 where there is no policy yet. @throws {FleetError} `config-invalid` for a model that is unknown */
export function ensurePolicy(store: Store, first: { model: string; deadlineMs: number }, at: string): PolicyRecord {
  const current = store.policies.current();
  const record = current ?? { model: first.model, policy: firstPolicy(first.deadlineMs) };
  if (store.models.newest(record.model) === undefined) {
    throw new FleetError('config-invalid', `model: no package "${record.model}" in the models folder or the store`);
  }
  if (current === undefined) store.policies.add(record, at);
  return record;
}

/** @returns the policy that a platform begins with */
export function firstPolicy(deadlineMs: number): PolicyRecord['policy'] {
  return policyParser.parse({
    name: 'default',
    version: 1,
    deadlineMs,
    minimumAccuracy: 0,
    accuracyTolerance: 0.005,
    encodings: ['f32', 'f16', 'u8'],
    directions: ['device-first'],
    marginMs: 5,
  });
}

/**
 * Stores the next version. The caller holds the transaction.
 * @throws {FleetError} `body-invalid` for a model that is unknown, `early-exit-uncalibrated` where it has no threshold for
 *   the accuracy loss that early exits may cost
 */
export function changePolicy(store: Store, current: PolicyRecord, change: PolicyChange, at: string): PolicyRecord {
  const { model = current.model, rewardWeights, detector, ...fields } = change;
  const { policy } = current;
  const newest = store.models.newest(model);
  if (newest === undefined) throw new FleetError('body-invalid', `/model: no package "${model}" was imported`);
  requireThresholds(store, newest, fields.earlyExit === undefined ? policy.earlyExit : fields.earlyExit);
  const merged = {
    rewardWeights: { ...policy.rewardWeights, ...rewardWeights },
    detector: { ...policy.detector, ...detector },
  };
  const next = { model, policy: { ...policy, ...fields, ...merged, version: policy.version + 1 } };
  store.policies.add(next, at);
  return next;
}

function requireThresholds(store: Store, { name, digest }: ModelReference, earlyExit: Policy['earlyExit']): void {
  if (earlyExit === null) return;
  const manifest = store.models.manifest(digest);
  if (manifest !== undefined && isCalibratedFor(manifestParser.parseJson(manifest), earlyExit.accuracyLoss)) return;
  const what = `/earlyExit: package "${name}" has no thresholds for an accuracy loss of ${earlyExit.accuracyLoss}`;
  throw new FleetError('early-exit-uncalibrated', what);
}
