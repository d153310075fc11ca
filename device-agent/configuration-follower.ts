import type { ControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import type { ModelCache } from '../shared/adapters/model-cache.ts';
import { hardwareClass } from '../shared/adapters/profile-model.ts';
import { type DeviceConfiguration, deviceConfigurationParser, type Reported } from '../shared/protocol/messages.ts';
import { FleetError, isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { ConfigurationStore } from './configuration-store.ts';
import type { Situation } from './frame-loop.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import { measureAndPublish } from './profile-duty.ts';
import type { WorkerLink } from './worker-link.ts';

/**
 * Makes the newest configuration the one in force: fetches and loads its model, turns to its worker, measures
 * a profile if asked. INVARIANTS: configurations are applied one after the other, the newest last; the one in
 * force stays until the next one's model is loaded.
 */
export interface ConfigurationFollower {
  /** A desired configuration as it came from the broker. */
  offer(payload: Uint8Array): void;
  /** Resolves when a configuration with a profile of this device class is in force. */
  ready(): Promise<void>;
  /** @throws {FleetError} `not-found` before `ready` */
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
  report: (state: Pick<Reported, 'version' | 'modelDigest' | 'state' | 'error'>) => void;
  log: Log;
}

export function createConfigurationFollower(options: ConfigurationFollowerOptions): ConfigurationFollower {
  const { store, log } = options;
  const stopped = new AbortController();
  const whenReady = createSignal();
  let inForce: DeviceConfiguration | undefined;
  let model: LoadedModel | undefined;
  let work: Promise<void> = Promise.resolve();
  let profiling: Promise<void> | undefined;

  async function apply(configuration: DeviceConfiguration): Promise<void> {
    if (stopped.signal.aborted || configuration.version < (store.current()?.version ?? 0)) return;
    const digest = configuration.model.digest;
    if (model?.package.manifest.digest !== digest) {
      tell(configuration, 'starting');
      const next = await loadModel(await options.cache.get(digest, stopped.signal), options.processorFactor);
      const old = model;
      model = next;
      await old?.close();
    }
    inForce = configuration;
    options.workerLink.use(configuration.worker?.id, model.shortDigest);
    if (configuration.profileRequested) startProfiling(model);
    tell(configuration, configuration.deviceProfile === null ? 'profiling' : 'ready');
    if (configuration.deviceProfile !== null) whenReady.resolve();
  }

  function tell({ version, model: { digest } }: DeviceConfiguration, state: Reported['state']): void {
    log.info({ version, state }, 'configuration');
    options.report({ version, modelDigest: digest, state });
  }

  function startProfiling(loaded: LoadedModel): void {
    if (profiling !== undefined) return;
    const duty = { ...options, hardwareClass: hardwareClass(), runs: options.profileRuns, signal: stopped.signal };
    profiling = measureAndPublish(loaded, duty)
      .catch((error: unknown) => log.error({ reason: messageOf(error) }, 'profiling failed'))
      .finally(() => {
        profiling = undefined;
      });
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
        options.report({ version: inForce?.version ?? 0, modelDigest: null, state: 'failed', error: code });
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
      if (inForce === undefined || model === undefined) throw new FleetError('not-found', 'no configuration yet');
      return { configuration: inForce, model };
    },
    expectsWorker: () => inForce?.worker?.profile != null,
    async close() {
      stopped.abort();
      await work;
      await profiling;
      await model?.close();
    },
  };
}

/** A promise that is resolved from outside. */
function createSignal(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
