import { join } from 'node:path';
import { createMqttConnection, type MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import { signToken } from '../shared/protocol/access-token.ts';
import type { StatesFile } from '../shared/protocol/states-file.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import { guardRoutes } from './access.ts';
import type { ControlPlaneConfig } from './config.ts';
import { describeModels } from './fleet/describe-models.ts';
import { createFleet, type Fleet } from './fleet/fleet.ts';
import { importModels } from './fleet/import-models.ts';
import { ensurePolicy } from './fleet/policy.ts';
import { createHttpServer } from './http-server.ts';
import type { HttpServer } from './http-server-type.ts';
import { ensureKeys, type SigningKeys } from './keys.ts';
import { readStates } from './read-states.ts';
import { addBandwidthStateRoutes } from './routes/bandwidth-states.ts';
import { addDeviceRoutes } from './routes/devices.ts';
import { addModelRoutes } from './routes/models.ts';
import { addOverviewRoutes } from './routes/overview.ts';
import { addPolicyRoutes } from './routes/policy.ts';
import { addProfileRoutes } from './routes/profiles.ts';
import { addRegistrationRoutes } from './routes/registration.ts';
import { addTelemetryRoutes } from './routes/telemetry.ts';
import { addWorkerRoutes } from './routes/workers.ts';
import { createModelFiles, type ModelFiles } from './store/model-files.ts';
import { openStore, type Store } from './store/store.ts';
import { ensureTokens, isEnrolmentToken, type TokenFiles } from './tokens.ts';

/** A control plane whose parts run; it listens once `listen` is called. */
export interface ControlPlane {
  readonly http: HttpServer;
  readonly fleet: Fleet;
  readonly store: Store;
  readonly publicKeyFile: string;
  readonly tokenFiles: TokenFiles;
  /** @returns where it answers, e.g. http://127.0.0.1:8080 */
  listen(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens the store, imports models, connects to the broker in the background.
 * @throws {FleetError} `config-invalid`, `store-damaged`, `bandwidth-states-invalid`
 */
export async function createControlPlane(options: {
  config: ControlPlaneConfig;
  clock: Clock;
  log: Log;
}): Promise<ControlPlane> {
  const { config, clock, log } = options;
  const { dataFolder } = config;
  const keys = ensureKeys(dataFolder);
  const store = openStore(dataFolder);
  const files = createModelFiles(join(dataFolder, 'models'));
  const closers: (() => void | Promise<void>)[] = [() => store.close()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const tokenFiles = ensureTokens({
      dataFolder,
      keys,
      settings: store.settings,
      enrolmentToken: config.enrolmentToken,
    });
    const defaultStates = await readStates(config.statesFile);
    await prepareModels({ config, store, files, clock, log });
    const broker = connectBroker(config, keys, log);
    closers.push(() => broker.close());
    const fleet = createFleet({
      ...config,
      placement: config,
      defaultStates: defaultStates.states,
      store,
      broker,
      clock,
      log,
    });
    closers.push(() => fleet.close());
    const http = await createHttpServer({ requestTimeoutMs: config.requestTimeoutMs, log });
    closers.push(() => http.close());
    await addRoutes(http, { config, clock, store, files, fleet, keys, broker, defaultStates });
    const listen = (): Promise<string> => http.listen({ host: config.listenHost, port: config.httpPort });
    return { http, fleet, store, publicKeyFile: keys.publicKeyFile, tokenFiles, listen, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Parts {
  config: ControlPlaneConfig;
  store: Store;
  files: ModelFiles;
  clock: Clock;
  log: Log;
}

async function prepareModels({ config, store, files, clock, log }: Parts): Promise<void> {
  if (config.modelsFolder !== undefined) {
    const imported = await importModels({ folder: config.modelsFolder, models: store.models, files, clock, log });
    log.info({ imported }, 'model packages imported');
  }
  await describeModels({ store, files, log });
  const { policy, model } = ensurePolicy(store, config, clock.wallTime().toISOString());
  if (policy.deadlineMs !== config.deadlineMs || model !== config.model) {
    log.warn({ version: policy.version, deadlineMs: policy.deadlineMs, model }, 'the stored policy is in force');
  }
}

function connectBroker(config: ControlPlaneConfig, keys: SigningKeys, log: Log): MqttConnection {
  const id = 'control-plane';
  const token = signToken(keys.privateKey, { role: 'control-plane', id });
  return createMqttConnection({ url: config.brokerUrl, id, token, log });
}

async function addRoutes(
  http: HttpServer,
  parts: Omit<Parts, 'log'> & { fleet: Fleet; keys: SigningKeys; broker: MqttConnection; defaultStates: StatesFile },
): Promise<void> {
  const { config, clock, store, files, fleet, keys, broker, defaultStates } = parts;
  await http.register(
    async (api) => {
      guardRoutes(api, {
        publicKey: keys.publicKey,
        clock,
        isEnrolmentToken: (token) => isEnrolmentToken(store.settings, token),
      });
      addRegistrationRoutes(api, {
        store,
        fleet,
        clock,
        privateKey: keys.privateKey,
        brokerUrl: config.deviceBrokerUrl ?? config.brokerUrl,
        perMinute: config.registrationsPerMinute,
      });
      addDeviceRoutes(api, { store });
      addTelemetryRoutes(api, { store });
      addWorkerRoutes(api, { store, fleet });
      addModelRoutes(api, { store, files });
      addProfileRoutes(api, { store, fleet, clock });
      addPolicyRoutes(api, { store, fleet, clock });
      addBandwidthStateRoutes(api, { store, fleet, clock, defaultStates });
      addOverviewRoutes(api, { store, fleet, isBrokerConnected: broker.connected });
    },
    { prefix: '/api/v1' },
  );
  await http.ready();
}
