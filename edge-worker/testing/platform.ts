import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMqttConnection, type MqttConnection } from '../../shared/adapters/mqtt-connection.ts';
import type { ModelPackage } from '../../shared/model/model-package.ts';
import { generateSigningKeys, signToken } from '../../shared/protocol/access-token.ts';
import {
  type Load,
  loadParser,
  type Presence,
  presenceParser,
  type Reported,
  reportedParser,
  type WorkerConfiguration,
} from '../../shared/protocol/messages.ts';
import type { Role } from '../../shared/protocol/topic-rules.ts';
import { allWorkersFilter, parseTopic, workerTopic } from '../../shared/protocol/topics.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { type ChildProcess, startComponent } from './child-process.ts';
import { type ControlPlaneStub, startControlPlaneStub } from './control-plane-stub.ts';
import { connectFakeDevice, type FakeDevice } from './fake-device.ts';

/** A broker process, a stand-in for the control plane, and whoever the test starts at them. */
export interface Platform {
  /** Holds the data folder of each worker, by its id. */
  folder: string;
  controlPlane: ControlPlaneStub;
  /** Connected to the broker as the control plane. */
  steering: MqttConnection;
  startWorker(id: string, settings?: Record<string, string | number>): Promise<ChildProcess>;
  connectDevice(id: string, worker: string): Promise<FakeDevice>;
  /** Publishes a worker's desired configuration, retained. */
  desire(worker: string, wanted: Pick<WorkerConfiguration, 'version'> & Partial<WorkerConfiguration>): Promise<void>;
  /** Resolves with a message of a worker that fits: the last one or a later one; a load report only if it comes later. */
  hear: {
    reported(worker: string, fits: (reported: Reported) => boolean): Promise<Reported>;
    presence(worker: string, fits: (presence: Presence) => boolean): Promise<Presence>;
    load(worker: string, fits: (load: Load) => boolean): Promise<Load>;
  };
  close(): Promise<void>;
}

export const enrolmentToken = 'enrol-me';

/** @param brokerSettings what its broker is set to beside the defaults */
export async function startPlatform(
  packages: readonly Pick<ModelPackage, 'manifest' | 'bytes'>[],
  brokerSettings: Record<string, number> = {},
): Promise<Platform> {
  const folder = await mkdtemp(join(tmpdir(), 'edge-worker-test-'));
  const keys = generateSigningKeys();
  const publicKeyFile = join(folder, 'public.pem');
  await writeFile(publicKeyFile, keys.publicKey);
  const broker = await startComponent('broker', { mqttPort: 0, publicKeyFile, logLevel: 'error', ...brokerSettings });
  const brokerUrl = broker.addresses.mqtt ?? '';
  const tokenOf = (role: Role, id: string) => signToken(keys.privateKey, { role, id });
  const controlPlane = await startControlPlaneStub({
    packages,
    enrolmentToken,
    brokerUrl,
    credentialsFor: (id) => ({ id, token: tokenOf('worker', id), brokerUrl }),
  });
  const log = createLog('platform', 'warn');
  const token = tokenOf('control-plane', 'control-plane');
  const steering = createMqttConnection({ url: brokerUrl, id: 'control-plane', token, log });
  await steering.ready(5000);
  const workers: ChildProcess[] = [];
  const devices: FakeDevice[] = [];
  return {
    folder,
    controlPlane,
    steering,
    async startWorker(id, settings = {}) {
      const base = { id, controlPlaneUrl: controlPlane.url, enrolmentToken, dataFolder: join(folder, id), threads: 1 };
      const worker = await startComponent('edge-worker', { ...base, logLevel: 'info', ...settings });
      workers.push(worker);
      return worker;
    },
    async connectDevice(id, worker) {
      const device = await connectFakeDevice({ brokerUrl, id, token: tokenOf('device', id), worker });
      devices.push(device);
      return device;
    },
    async desire(worker, wanted) {
      const models = packages.map(({ manifest: { name, version, digest } }) => ({ name, version, digest }));
      const issuedAt = new Date().toISOString();
      const text = JSON.stringify({
        schema: 1,
        issuedAt,
        models,
        profilesRequested: [],
        ...wanted,
      } satisfies WorkerConfiguration);
      await steering.publishAcknowledged(workerTopic(worker, 'desired'), text, { retain: true });
    },
    hear: {
      reported: watch(steering, 'reported', { parser: reportedParser, retained: true }),
      presence: watch(steering, 'presence', { parser: presenceParser, retained: true }),
      load: watch(steering, 'load', { parser: loadParser, retained: false }),
    },
    async close() {
      await Promise.all([...devices.map((device) => device.close()), steering.close()]);
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all([broker.stop(), controlPlane.close()]);
      await rm(folder, { recursive: true });
    },
  };
}

interface Watched<T> {
  parser: { parseJson(text: Uint8Array): T };
  /** Whether the last message before the question may be the answer. */
  retained: boolean;
}

/** @returns what waits for a message on one channel of any worker; each topic is subscribed to once */
function watch<T>(
  connection: MqttConnection,
  channel: 'reported' | 'presence' | 'load',
  { parser, retained }: Watched<T>,
): (worker: string, fits: (message: T) => boolean) => Promise<T> {
  const last = new Map<string, T>();
  const listeners = new Set<(worker: string, message: T) => void>();
  connection.subscribe(allWorkersFilter(channel), (topic, payload) => {
    const worker = parseTopic(topic)?.id ?? '';
    const message = parser.parseJson(payload);
    last.set(worker, message);
    for (const listener of listeners) listener(worker, message);
  });
  return (worker, fits) =>
    new Promise((resolve) => {
      const known = retained ? last.get(worker) : undefined;
      if (known !== undefined && fits(known)) return resolve(known);
      const listener = (from: string, message: T): void => {
        if (from !== worker || !fits(message)) return;
        listeners.delete(listener);
        resolve(message);
      };
      listeners.add(listener);
    });
}
