import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Credentials, credentialsParser, type Registration } from '../protocol/http.ts';
import { FleetError } from '../runtime/errors.ts';
import type { ControlPlaneClient } from './control-plane-client.ts';

export interface CredentialsOptions {
  folder: string;
  registration: Registration;
  /** Undefined where there is no enrolment token. */
  register: ControlPlaneClient['registerWorker'] | undefined;
  /** Broker to connect to instead of the one that the control plane names. */
  brokerUrl: string | undefined;
  signal?: AbortSignal;
}

/**
 * What a device or worker got when it registered: from its data folder, so that it starts while the control plane is away,
 * or by registering now. The file is readable by its owner alone.
 * @throws {FleetError} `config-invalid` where the folder belongs to another one or there is no way to register;
 *   `http-failed`
 */
export async function obtainCredentials(options: CredentialsOptions): Promise<Credentials> {
  const credentials = await keptOrNew(options);
  return { ...credentials, brokerUrl: options.brokerUrl ?? credentials.brokerUrl };
}

/** Keeps where the broker is now, so that the next start finds it while the control plane is away. */
export async function keepBrokerUrl(folder: string, brokerUrl: string): Promise<void> {
  const path = pathIn(folder);
  const kept = await readKept(path);
  if (kept !== undefined) await keep(path, { ...kept, brokerUrl });
}

function pathIn(folder: string): string {
  return join(folder, 'credentials.json');
}

async function keptOrNew(options: CredentialsOptions): Promise<Credentials> {
  const { folder, registration, register, signal } = options;
  const path = pathIn(folder);
  const kept = await readKept(path);
  if (kept !== undefined) {
    if (kept.id === registration.id) return kept;
    throw new FleetError('config-invalid', `${path} belongs to ${kept.id}, not to ${registration.id}`);
  }
  if (register === undefined) {
    throw new FleetError('config-invalid', `${path} does not exist and there is no enrolment token to register with`);
  }
  const credentials = await register(registration, signal);
  await mkdir(folder, { recursive: true });
  await keep(path, credentials);
  return credentials;
}

async function keep(path: string, credentials: Credentials): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(credentials)}\n`, { mode: 0o600 });
  await rename(draft, path);
}

async function readKept(path: string): Promise<Credentials | undefined> {
  const text = await readFile(path).catch(() => undefined);
  return text === undefined ? undefined : credentialsParser.parseJson(text);
}
