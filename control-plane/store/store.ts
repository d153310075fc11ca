import { join } from 'node:path';
import { type BandwidthStateStore, createBandwidthStateStore } from './bandwidth-states.ts';
import { type ConfigurationStore, createConfigurationStore } from './configurations.ts';
import { openDatabase } from './database.ts';
import { createDeliveryStore, type DeliveryStore } from './deliveries.ts';
import { createDescriptionStore, type DescriptionStore } from './descriptions.ts';
import { createLeaseStore, type LeaseStore } from './leases.ts';
import { createMapStore, type MapStore } from './maps.ts';
import { createMemberStore, type MemberStore } from './members.ts';
import { createModelStore, type ModelStore } from './models.ts';
import { createPolicyStore, type PolicyStore } from './policies.ts';
import { createPredictionStore, type PredictionStore } from './predictions.ts';
import { createProfileStore, type ProfileStore } from './profiles.ts';
import { createReprofilingStore, type ReprofilingStore } from './reprofilings.ts';
import { createSettingStore, type SettingStore } from './settings.ts';
import { createTelemetryStore, type TelemetryStore } from './telemetry.ts';
import { createWorkerConditionStore, type WorkerConditionStore } from './worker-conditions.ts';

/** All that the control plane knows; the one truth of the fleet. */
export interface Store {
  members: MemberStore;
  workerConditions: WorkerConditionStore;
  configurations: ConfigurationStore;
  models: ModelStore;
  descriptions: DescriptionStore;
  profiles: ProfileStore;
  predictions: PredictionStore;
  leases: LeaseStore;
  reprofilings: ReprofilingStore;
  policies: PolicyStore;
  maps: MapStore;
  bandwidthStates: BandwidthStateStore;
  samples: TelemetryStore;
  summaries: TelemetryStore;
  results: TelemetryStore;
  deliveries: DeliveryStore;
  settings: SettingStore;
  /** Runs `work` all or nothing; within another transaction it is one step of that. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** @returns the store in this folder, made where there is none @throws {FleetError} `store-damaged` */
export function openStore(dataFolder: string): Store {
  const db = openDatabase(join(dataFolder, 'fleet.sqlite'));
  return {
    members: createMemberStore(db),
    workerConditions: createWorkerConditionStore(db),
    configurations: createConfigurationStore(db),
    models: createModelStore(db),
    descriptions: createDescriptionStore(db),
    profiles: createProfileStore(db),
    predictions: createPredictionStore(db),
    leases: createLeaseStore(db),
    reprofilings: createReprofilingStore(db),
    policies: createPolicyStore(db),
    maps: createMapStore(db),
    bandwidthStates: createBandwidthStateStore(db),
    samples: createTelemetryStore(db, 'samples'),
    summaries: createTelemetryStore(db, 'summaries'),
    results: createTelemetryStore(db, 'results'),
    deliveries: createDeliveryStore(db),
    settings: createSettingStore(db),
    transaction: (work) => db.transaction(work)(),
    close: () => void db.close(),
  };
}
