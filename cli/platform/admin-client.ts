import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { deviceConfigurationParser, type Policy } from '../../shared/protocol/messages.ts';
import { FleetError, messageOf } from '../../shared/runtime/errors.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import type { Platform } from './platform.ts';

/** What an operator may change of the policy; the model by its package's name. */
export type PolicyChange = Partial<Omit<Policy, 'name' | 'version'>> & { model?: string };

/**
 * Makes a new policy version, on top of the one that is in force now.
 * @throws {FleetError} `http-failed`
 */
export async function changePolicy(httpUrl: string, adminToken: string, change: PolicyChange): Promise<void> {
  const url = `${httpUrl}/api/v1/policy`;
  const authorization = `Bearer ${adminToken}`;
  const current = await ask(url, { headers: { authorization } });
  await ask(url, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'application/json', 'if-match': current.headers.get('etag') ?? '' },
    body: JSON.stringify(change),
  });
}

type Operated = Pick<Platform, 'httpUrl' | 'adminToken'>;

/** What a start waits for: a device runs what it is to run, planned on measured profiles of both sides. */
const DeviceStateSchema = Type.Object({
  reported: Type.Union([Type.Null(), Type.Object({ version: Type.Integer(), state: Type.String() })]),
});
const deviceStateParser = createParser(DeviceStateSchema, 'http-failed', 'device');
const pollMs = 200;

/**
 * Waits until these devices run their newest configuration and it has the profiles of both sides.
 * @throws {FleetError} `process-failed` when the time is over or `signal` fires, `http-failed`
 */
export async function untilConfigured(
  platform: Operated,
  ids: readonly string[],
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  const waiting = [...ids];
  for (let id = waiting[0]; id !== undefined; id = waiting[0]) {
    if (await isConfigured(platform, id)) waiting.shift();
    else if (signal.aborted) throw new FleetError('process-failed', `${id}: asked to stop before it was configured`);
    else if (performance.now() > endMs) throw new FleetError('process-failed', `${id}: no profile in ${timeoutMs} ms`);
    else await sleep(pollMs);
  }
}

async function isConfigured({ httpUrl, adminToken }: Operated, id: string): Promise<boolean> {
  const init = { headers: { authorization: `Bearer ${adminToken}` } };
  const url = `${httpUrl}/api/v1/devices/${id}`;
  const { version, deviceProfile, worker } = deviceConfigurationParser.parse(
    await (await ask(`${url}/configuration`, init)).json(),
  );
  const { reported } = deviceStateParser.parse(await (await ask(url, init)).json());
  const isProfiled = deviceProfile !== null && worker !== null && worker.profile !== null;
  return isProfiled && reported?.version === version && reported.state === 'ready';
}

/** @throws {FleetError} `http-failed`, with the answer's status and beginning */
export async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    throw new FleetError('http-failed', `${url}: ${messageOf(error)}`, { cause: error });
  }
  if (response.ok) return response;
  throw new FleetError('http-failed', `${url}: ${response.status} ${(await response.text()).slice(0, 300)}`);
}
