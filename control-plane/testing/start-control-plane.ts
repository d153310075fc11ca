import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { readManifest } from '../../shared/model/model-package.ts';
import { signToken } from '../../shared/protocol/access-token.ts';
import type { Registration } from '../../shared/protocol/http.ts';
import type { Role } from '../../shared/protocol/topic-rules.ts';
import { type Clock, createFakeClock } from '../../shared/runtime/clock.ts';
import { toEnvironment } from '../../shared/runtime/config.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { type ControlPlane, createControlPlane } from '../app.ts';
import { type ControlPlaneConfig, readControlPlaneConfig } from '../config.ts';
import { ensureKeys } from '../keys.ts';
import type { MemberRole } from '../store/member-records.ts';
import { writePackage } from './model-package.ts';

/** Nobody listens there: the control plane works without a broker. */
const noBroker = 'mqtt://127.0.0.1:9';

/** A control plane over a real database, with what tests do to it. */
export interface TestedControlPlane extends ControlPlane {
  readonly folder: string;
  readonly digest: string;
  readonly admin: Record<string, string>;
  readonly enrolmentToken: string;
  readonly enrolment: Record<string, string>;
  tokenOf(role: Role, id: string): string;
  bearer(role: Role, id: string): Record<string, string>;
  register(role: MemberRole, registration: Registration): Promise<void>;
  /** A message as the broker would deliver it, stored at once. */
  deliver(topic: string, message: unknown, retained?: boolean): Promise<void>;
  getJson(path: string): Promise<unknown>;
}

/** @returns a folder that is deleted after the test */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-control-plane-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** @returns settings as the environment would give them */
export function testConfig(folder: string, changes: Partial<ControlPlaneConfig> = {}): ControlPlaneConfig {
  return readControlPlaneConfig(
    toEnvironment({
      dataFolder: join(folder, 'data'),
      modelsFolder: join(folder, 'packages'),
      model: 'tiny',
      httpPort: 0,
      brokerUrl: noBroker,
      logLevel: 'silent',
      ...changes,
    }),
  );
}

/** @returns a running control plane with the package `tiny`, closed after the test */
export async function startControlPlane(
  options: { folder?: string; clock?: Clock; config?: Partial<ControlPlaneConfig> } = {},
): Promise<TestedControlPlane> {
  const folder = options.folder ?? (await temporaryFolder());
  const packages = join(folder, 'packages');
  // Started again, it finds its package as it was left.
  const isThere = existsSync(join(packages, 'tiny'));
  const digest = isThere ? (await readManifest(join(packages, 'tiny'))).digest : await writePackage(packages, 'tiny');
  const config = testConfig(folder, options.config);
  const log = createLog('control-plane', config.logLevel);
  const controlPlane = await createControlPlane({ config, clock: options.clock ?? createFakeClock(), log });
  onTestFinished(() => controlPlane.close());
  const { privateKey } = ensureKeys(config.dataFolder);
  const tokenOf = (role: Role, id: string): string => signToken(privateKey, { role, id });
  const bearer = (role: Role, id: string): Record<string, string> => ({ authorization: `Bearer ${tokenOf(role, id)}` });
  const enrolmentToken = await readFile(controlPlane.tokenFiles.enrolmentTokenFile, 'utf8');
  const enrolment = { authorization: `Bearer ${enrolmentToken}` };
  const admin = { authorization: `Bearer ${await readFile(controlPlane.tokenFiles.adminTokenFile, 'utf8')}` };
  const { http, fleet } = controlPlane;
  return {
    ...controlPlane,
    folder,
    digest,
    admin,
    enrolmentToken,
    enrolment,
    tokenOf,
    bearer,
    async register(role, payload) {
      const response = await http.inject({ method: 'POST', url: `/api/v1/${role}s`, headers: enrolment, payload });
      if (response.statusCode !== 201) throw new Error(`${payload.id} was not registered: ${response.body}`);
    },
    async deliver(topic, message, retained = false) {
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      fleet.receive(topic, Buffer.from(text), retained);
      await fleet.settled();
    },
    async getJson(path) {
      const response = await http.inject({ url: `/api/v1${path}`, headers: admin });
      if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${response.body}`);
      return response.json();
    },
  };
}
