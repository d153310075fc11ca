import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { deviceConfigurationParser, type Policy, workerConfigurationParser } from '../../shared/protocol/messages.ts';
import type { LatencyTable } from '../../shared/protocol/profile.ts';
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

/** What is waited for: a device or worker runs what it is to run. */
const MemberStateSchema = Type.Object({
  reported: Type.Union([Type.Null(), Type.Object({ version: Type.Integer(), state: Type.String() })]),
});
const memberStateParser = createParser(MemberStateSchema, 'http-failed', 'device or worker');
const pollMs = 200;

/**
 * Waits until these devices run their newest configuration and it has measured profiles of both sides.
 * @throws {FleetError} `process-failed` when the time is over or `signal` fires, `http-failed`
 */
export async function untilConfigured(platform: Operated, ids: readonly string[], patience: Patience): Promise<void> {
  const endMs = performance.now() + patience.timeoutMs;
  for (const id of ids) await until(id, patience, endMs, () => isConfigured(platform, id));
}

/**
 * Waits until a worker serves its newest configuration and measures nothing.
 * @throws {FleetError} `process-failed` when the time is over or `signal` fires, `http-failed`
 */
export function untilServing(platform: Operated, id: string, patience: Patience): Promise<void> {
  return until(id, patience, performance.now() + patience.timeoutMs, async () => {
    const { configuration, reported } = await memberOf(platform, `workers/${id}`);
    const { version, profilesRequested } = workerConfigurationParser.parse(configuration);
    return profilesRequested.length === 0 && reported?.version === version && reported.state === 'ready';
  });
}

/** How long something is waited for, and what ends it before. */
interface Patience {
  timeoutMs: number;
  signal: AbortSignal;
}

async function until(
  id: string,
  { timeoutMs, signal }: Patience,
  endMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  while (!(await holds())) {
    if (signal.aborted) throw new FleetError('process-failed', `${id}: asked to stop before it was configured`);
    if (performance.now() > endMs) throw new FleetError('process-failed', `${id}: no profile in ${timeoutMs} ms`);
    await sleep(pollMs);
  }
}

async function isConfigured(platform: Operated, id: string): Promise<boolean> {
  const { configuration, reported } = await memberOf(platform, `devices/${id}`);
  const { version, deviceProfile, worker } = deviceConfigurationParser.parse(configuration);
  return (
    isMeasured(deviceProfile) &&
    isMeasured(worker?.profile) &&
    reported?.version === version &&
    reported.state === 'ready'
  );
}

/** What is predicted serves, but is about to be replaced. */
function isMeasured(table: LatencyTable | null | undefined): boolean {
  return table != null && table.source !== 'predicted';
}

/** @param path of a device or worker @returns what it is to run and what it says that it runs */
async function memberOf({ httpUrl, adminToken }: Operated, path: string) {
  const init = { headers: { authorization: `Bearer ${adminToken}` } };
  const url = `${httpUrl}/api/v1/${path}`;
  const configuration: unknown = await (await ask(`${url}/configuration`, init)).json();
  const { reported } = memberStateParser.parse(await (await ask(url, init)).json());
  return { configuration, reported };
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
