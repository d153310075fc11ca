import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModelPackage, readPackage } from '../../../shared/model/model-package.ts';
import { extractTensors } from '../../../shared/model/split.ts';
import { generateSigningKeys, signToken } from '../../../shared/protocol/access-token.ts';
import type { Credentials } from '../../../shared/protocol/http.ts';
import type { WorkerConfiguration } from '../../../shared/protocol/messages.ts';
import type { DevicesStart } from './messages.ts';
import { type Component, startComponent } from './processes.ts';

/** A worker that is compared with the bare loop. */
export interface WorkerSetting {
  id: string;
  threads: number;
  maxBatch: number;
}

/** A broker and workers that serve one model, each in its process, as they do where the control plane is away. */
export interface ServedWorkers {
  /** What devices need to send to them. */
  devices: DevicesStart;
  /** The segment that they run for it, as a file. */
  segment: { file: string; input: string };
  stop(): Promise<void>;
}

const modelFolder = fileURLToPath(new URL('../../../../models/branchy-alexnet-32', import.meta.url));
/** Nothing listens there. */
const noControlPlaneUrl = 'http://127.0.0.1:9';

/** @param folder empty, removed by the caller */
export async function startServedWorkers(
  folder: string,
  settings: readonly WorkerSetting[],
  deviceCount: number,
): Promise<ServedWorkers> {
  const model = await readPackage(modelFolder);
  const keys = generateSigningKeys();
  const publicKeyFile = join(folder, 'public.pem');
  await writeFile(publicKeyFile, keys.publicKey);
  const running: Component[] = [];
  const stop = async (): Promise<void> => {
    for (const component of running.toReversed()) await component.stop();
  };
  try {
    const broker = await startComponent('broker', { mqttPort: 0, publicKeyFile, logLevel: 'warn' });
    running.push(broker);
    const brokerUrl = broker.addresses['mqtt'] ?? '';
    for (const setting of settings) {
      const { id } = setting;
      const dataFolder = join(folder, id);
      await prepareFolder(dataFolder, model, {
        id,
        token: signToken(keys.privateKey, { role: 'worker', id }),
        brokerUrl,
      });
      const config = { ...setting, dataFolder, brokerUrl, controlPlaneUrl: noControlPlaneUrl, logLevel: 'warn' };
      running.push(await startComponent('edge-worker', config));
    }
    const devices = Array.from({ length: deviceCount }, (_, index) => {
      const id = `bench-${index + 1}`;
      return { id, token: signToken(keys.privateKey, { role: 'device', id }) };
    });
    const segment = await writeSegment(join(folder, 'segment.onnx'), model);
    return {
      devices: devicesStart(model, { brokerUrl, devices, workers: settings.map(({ id }) => id) }),
      segment,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function devicesStart(
  { manifest }: ModelPackage,
  about: Pick<DevicesStart, 'brokerUrl' | 'devices' | 'workers'>,
): DevicesStart {
  const model = manifest.digest.slice('sha256:'.length, 'sha256:'.length + 16);
  return { kind: 'start', ...about, model, exit: manifest.exits.length, dims: [1, ...manifest.input.shape] };
}

/** Lays out what a worker keeps from an earlier run: it starts without a control plane, and measures no profile. */
async function prepareFolder(folder: string, { manifest }: ModelPackage, credentials: Credentials): Promise<void> {
  const { name, version, digest } = manifest;
  const models = [{ name, version, digest }];
  const issuedAt = new Date().toISOString();
  const configuration: WorkerConfiguration = { schema: 1, version: 1, issuedAt, models, profilesRequested: [] };
  const modelHome = join(folder, 'models', digest.replace(':', '-'));
  await mkdir(modelHome, { recursive: true });
  await cp(modelFolder, modelHome, { recursive: true });
  await writeFile(join(folder, 'credentials.json'), JSON.stringify(credentials));
  await writeFile(join(folder, 'configuration.json'), JSON.stringify(configuration));
}

async function writeSegment(file: string, { graph, manifest }: ModelPackage): Promise<ServedWorkers['segment']> {
  const exit = manifest.exits.at(-1)?.name ?? '';
  const input = manifest.input.name;
  await writeFile(file, extractTensors(graph, { inputs: [input], outputs: [exit] }));
  return { file, input };
}
