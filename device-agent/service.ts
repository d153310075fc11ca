import type { WantedModel } from '../shared/adapters/model-cache.ts';
import { type PreparedPlans, preparePlans } from '../shared/planner/prepared-plans.ts';
import type { DeviceConfiguration } from '../shared/protocol/messages.ts';
import type { LoadedModel } from './loaded-model.ts';

/** What a frame is run under. */
export interface Situation {
  configuration: DeviceConfiguration;
  model: LoadedModel;
  /** Undefined while nothing is known of this device class. */
  plans: PreparedPlans | undefined;
}

/**
 * The configuration and the model that frames are run with, and the models that are on their way in or out.
 * INVARIANTS: once there is a configuration with latencies of this device class there always is one: a new model
 * waits until its own, measured or predicted, are there; a model that was replaced is closed only when no frame can run on it any longer.
 */
export interface Service {
  current(): Situation | undefined;
  /** Before each frame: the one before has ended. */
  takeForFrame(): Situation | undefined;
  /** @returns a model that is loaded already, by the manifest that is asked for */
  loaded(wanted: WantedModel): LoadedModel | undefined;
  /** Brings a configuration into force, or lets its model wait for its profile. @returns what is in force */
  put(configuration: DeviceConfiguration, model: LoadedModel): Situation;
  close(): Promise<void>;
}

export function createService(): Service {
  let inForce: Situation | undefined;
  let waiting: LoadedModel | undefined;
  let retired: LoadedModel[] = [];

  function retire(model: LoadedModel | undefined): void {
    if (model !== undefined && model !== inForce?.model && model !== waiting) retired.push(model);
  }

  function closeRetired(): Promise<unknown> {
    const models = retired;
    retired = [];
    return Promise.all(models.map((model) => model.close()));
  }

  function keepInForce(current: Situation, configuration: DeviceConfiguration, model: LoadedModel): Situation {
    if (model === current.model) {
      const { deviceProfile } = current.configuration;
      inForce = situationOf({ ...configuration, deviceProfile }, model);
      return inForce;
    }
    const before = waiting;
    waiting = model;
    retire(before);
    return current;
  }

  return {
    current: () => inForce,
    takeForFrame() {
      if (retired.length > 0) void closeRetired();
      return inForce;
    },
    loaded: (wanted) => [inForce?.model, waiting].find((model) => model !== undefined && isWanted(model, wanted)),
    put(configuration, model) {
      const profiled = inForce?.configuration.deviceProfile === null ? undefined : inForce;
      if (profiled !== undefined && configuration.deviceProfile === null) {
        return keepInForce(profiled, configuration, model);
      }
      const before = [inForce?.model, waiting];
      inForce = situationOf(configuration, model);
      waiting = undefined;
      for (const old of before) retire(old);
      return inForce;
    },
    async close() {
      const models = [inForce?.model, waiting];
      await Promise.all([closeRetired(), ...models.map((model) => model?.close())]);
    },
  };
}

function isWanted({ package: { manifest, manifestDigest } }: LoadedModel, wanted: WantedModel): boolean {
  return manifest.digest === wanted.digest && (wanted.manifestDigest ?? manifestDigest) === manifestDigest;
}

/** Plans are prepared once for a configuration, not for each frame. */
function situationOf(configuration: DeviceConfiguration, model: LoadedModel): Situation {
  const { deviceProfile: device, worker } = configuration;
  const tables = device && { model: model.shape, device, worker: worker?.profile ?? null };
  return { configuration, model, plans: tables === null ? undefined : preparePlans(tables) };
}
