import type { ControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import type { ModelCache } from '../shared/adapters/model-cache.ts';
import type { ProfileDrafts } from '../shared/adapters/profile-drafts.ts';
import { hardwareClass } from '../shared/adapters/profile-model.ts';
import { isCalibratedFor } from '../shared/model/early-exit.ts';
import { type DeviceConfiguration, deviceConfigurationParser, type Reported } from '../shared/protocol/messages.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { type ErrorCode, FleetError, isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { ConfigurationStore } from './configuration-store.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import { createProfileDuty, type ProfileDuty } from './profile-duty.ts';
import { createService, type Situation } from './service.ts';
import type { WorkerLink } from './worker-link.ts';

/**
 * Makes the newest configuration the one in force: fetches and loads its model, turns to its worker, measures
 * a profile if asked. INVARIANTS: configurations are applied one after the other, the newest last; the one in
 * force stays until the next one's model is loaded and profiled.
 */
export interface ConfigurationFollower {
  /** A desired configuration as it came from the broker. */
  offer(payload: Uint8Array): void;
  /** Resolves when a configuration with latencies of this device class, measured or predicted, is in force. */
  ready(): Promise<void>;
  /** Asked before each frame. @throws {FleetError} `not-found` before `ready` */
  situation(): Situation;
  /** Whether the configuration names a worker that is profiled. */
  expectsWorker(): boolean;
  close(): Promise<void>;
}

export interface ConfigurationFollowerOptions {
  store: ConfigurationStore;
  cache: ModelCache;
  workerLink: WorkerLink;
  client: Pick<ControlPlaneClient, 'putProfile'>;
  processorFactor: number;
  profileRuns: number;
  profileBudgetMs: number;
  profileDrafts: ProfileDrafts;
  report: (state: State) => void;
  /** Told of each configuration that came into force, before it is reported. */
  onInForce: (configuration: DeviceConfiguration) => void;
  clock: Clock;
  log: Log;
}

type State = Pick<Reported, 'version' | 'modelDigest' | 'state' | 'error' | 'progress'>;

export function createConfigurationFollower(options: ConfigurationFollowerOptions): ConfigurationFollower {
  const { store, log } = options;
  const stopped = new AbortController();
  const whenReady = createSignal();
  const service = createService();
  let told: State | undefined;
  const duty = openDuty(options, () => told);
  let work: Promise<void> = Promise.resolve();

  async function apply(configuration: DeviceConfiguration): Promise<void> {
    if (stopped.signal.aborted || configuration.version < (store.current()?.version ?? 0)) return;
    const model = service.loaded(configuration.model) ?? (await load(configuration));
    const inForce = service.put(configuration, model);
    options.workerLink.use(inForce.configuration.worker?.id, inForce.model.shortDigest);
    options.onInForce(inForce.configuration);
    warnOfMissingThresholds(inForce, log);
    duty.want(configuration.profileRequested ? model : undefined);
    tell(inForce.configuration, configuration.deviceProfile === null ? 'profiling' : 'ready');
    if (inForce.configuration.deviceProfile !== null) whenReady.resolve();
  }

  async function load(configuration: DeviceConfiguration): Promise<LoadedModel> {
    tell(service.current()?.configuration ?? configuration, 'starting');
    const found = await options.cache.get(configuration.model, stopped.signal);
    // A renewed manifest that cannot be fetched now leaves the model as it is loaded.
    const { manifestDigest, manifest } = found;
    const loaded = service.loaded({ digest: manifest.digest, manifestDigest });
    return loaded ?? loadModel(found, options.processorFactor, options.clock);
  }

  /** The version and model in force: a worker keeps serving a model for as long as a device says that it runs it. */
  function tell({ version, model: { digest } }: DeviceConfiguration, state: Reported['state']): void {
    log.info({ version, state }, 'configuration');
    told = { version, modelDigest: digest, state };
    options.report(told);
  }

  function enqueue(configuration: DeviceConfiguration): void {
    work = work
      .then(() => apply(configuration))
      .catch((error: unknown) => {
        const code = isFleetError(error) ? error.code : 'inference-failed';
        log.error(
          { version: configuration.version, code, reason: messageOf(error) },
          'configuration cannot be applied',
        );
        const version = service.current()?.configuration.version ?? 0;
        told = { version, modelDigest: null, state: 'failed', error: code };
        options.report(told);
      });
  }

  const stored = store.current();
  if (stored !== undefined) enqueue(stored);
  return {
    offer(payload) {
      try {
        const configuration = deviceConfigurationParser.parseJson(payload);
        if (store.offer(configuration)) enqueue(configuration);
      } catch (error) {
        log.error({ reason: messageOf(error) }, 'desired configuration refused');
      }
    },
    ready: () => whenReady.promise,
    situation() {
      const situation = service.takeForFrame();
      if (situation === undefined) throw new FleetError('not-found', 'no configuration yet');
      return situation;
    },
    expectsWorker: () => service.current()?.configuration.worker?.profile != null,
    async close() {
      stopped.abort();
      await work;
      await duty.close();
      await service.close();
    },
  };
}

/** The model may have been replaced by one without thresholds under the same policy. */
function warnOfMissingThresholds({ configuration, model }: Situation, log: Log): void {
  const { earlyExit } = configuration.policy;
  const { manifest } = model.package;
  if (earlyExit === null || isCalibratedFor(manifest, earlyExit.accuracyLoss)) return;
  const code: ErrorCode = 'early-exit-uncalibrated';
  log.warn({ code, model: manifest.name, ...earlyExit }, 'no exit is asked before a cut is sent');
}

/** @param told what was reported last */
function openDuty(options: ConfigurationFollowerOptions, told: () => State | undefined): ProfileDuty {
  return createProfileDuty({
    ...options,
    hardwareClass: hardwareClass(),
    runs: options.profileRuns,
    budgetMs: options.profileBudgetMs,
    drafts: options.profileDrafts,
    onProgress(progress) {
      const state = told();
      // Measuring is no hindrance to frames: it shows only where everything else is as it should be.
      if (state?.state === 'profiling' || state?.state === 'ready') options.report({ ...state, progress });
    },
    onEnd() {
      const state = told();
      if (state !== undefined) options.report(state);
    },
  });
}

/** A promise that is resolved from outside. */
function createSignal(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
