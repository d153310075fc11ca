import { type Static, Type } from 'typebox';
import type { DeviceConfiguration, ModelReference, WorkerConfiguration } from '../../shared/protocol/messages.ts';
import type { LatencyTable } from '../../shared/protocol/profile.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import type { DeviceRecord, MemberRecord } from '../store/member-records.ts';
import type { Store } from '../store/store.ts';
import { tableOf } from './latency-tables.ts';

/**
 * What a configuration consists of, as references: a few hundred bytes a device where the message has 50 KB, and
 * two of them are the same configuration exactly if their texts are equal.
 */
const DeviceContentSchema = Type.Object({
  model: Type.String(),
  /** Digest of the model's manifest; absent: stored by a release that did not tell. */
  manifest: Type.Optional(Type.String()),
  policy: Type.Integer(),
  worker: Type.Union([Type.Null(), Type.String()]),
  /** Hash of the stored profile, or of the prediction in its place; null: there is neither. */
  workerProfile: Type.Union([Type.Null(), Type.String()]),
  deviceProfile: Type.Union([Type.Null(), Type.String()]),
  /** Revision of the configuration map; absent: there is none. */
  map: Type.Optional(Type.String()),
  profileRequested: Type.Boolean(),
});
export type DeviceContent = Static<typeof DeviceContentSchema>;

const WorkerContentSchema = Type.Object({
  models: Type.Array(Type.String()),
  profilesRequested: Type.Array(Type.String()),
});
export type WorkerContent = Static<typeof WorkerContentSchema>;

const deviceContentParser = createParser(DeviceContentSchema, 'store-damaged', 'stored device configuration');
const workerContentParser = createParser(WorkerContentSchema, 'store-damaged', 'stored worker configuration');

/**
 * @returns what this device is to run, as it is pushed; undefined before its first configuration
 * @throws {FleetError} `store-damaged`
 */
export function deviceConfiguration(store: Store, device: DeviceRecord): DeviceConfiguration | undefined {
  const stored = store.configurations.get(device.id);
  if (stored === undefined) return undefined;
  const content = deviceContentParser.parseJson(stored.content);
  const modelDigest = content.model;
  return {
    schema: 1,
    version: stored.version,
    issuedAt: stored.issuedAt,
    model: { ...modelReference(store, modelDigest), ...manifestOf(store, modelDigest) },
    policy: store.policies.get(content.policy).policy,
    worker: content.worker === null ? null : { id: content.worker, profile: workerTable(store, content) },
    deviceProfile:
      content.deviceProfile === null
        ? null
        : (tableOf(store, { tier: 'device', hardwareClass: device.hardwareClass, modelDigest }) ?? null),
    map: content.map === undefined ? null : (store.maps.get(content.map) ?? null),
    profileRequested: content.profileRequested,
  };
}

/** @returns what this worker is to run; undefined before its first configuration @throws {FleetError} `store-damaged` */
export function workerConfiguration(store: Store, workerId: string): WorkerConfiguration | undefined {
  const stored = store.configurations.get(workerId);
  if (stored === undefined) return undefined;
  const { models, profilesRequested } = workerContentParser.parseJson(stored.content);
  return {
    schema: 1,
    version: stored.version,
    issuedAt: stored.issuedAt,
    models: models.map((digest) => modelReference(store, digest)),
    profilesRequested,
  };
}

/** @returns the configuration of whichever this is */
export function configurationOf(
  store: Store,
  member: MemberRecord,
): DeviceConfiguration | WorkerConfiguration | undefined {
  return member.role === 'device' ? deviceConfiguration(store, member) : workerConfiguration(store, member.id);
}

function workerTable(store: Store, { worker, workerProfile, model }: DeviceContent): LatencyTable | null {
  const record = worker === null || workerProfile === null ? undefined : store.members.worker(worker);
  if (record === undefined) return null;
  return tableOf(store, { tier: 'worker', hardwareClass: record.hardwareClass, modelDigest: model }) ?? null;
}

function modelReference(store: Store, digest: string): ModelReference {
  const model = store.models.get(digest);
  if (model === undefined) throw new FleetError('not-found', `no model has the digest ${digest}`);
  return { name: model.name, version: model.version, digest };
}

/** For those who read the manifest: a worker reads the graph alone. */
function manifestOf(store: Store, digest: string): Pick<ModelReference, 'manifestDigest'> {
  const manifestDigest = store.models.manifestDigest(digest);
  return manifestDigest === undefined ? {} : { manifestDigest };
}
