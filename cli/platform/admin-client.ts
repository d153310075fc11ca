import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { beginOf, connectionFailure, refusalOf } from '../../shared/adapters/http-answers.ts';
import { deviceConfigurationParser, type Policy, workerConfigurationParser } from '../../shared/protocol/messages.ts';
import type { LatencyTable } from '../../shared/protocol/profile.ts';
import { FleetError, messageOf } from '../../shared/runtime/errors.ts';
import { createParser, type Parser } from '../../shared/runtime/schema.ts';
import type { Platform } from './platform.ts';

/** What an operator may change of the policy; the model by its package's name. */
export type PolicyChange = Partial<Omit<Policy, 'name' | 'version'>> & { model?: string };

/**
 * Makes a new policy version, on top of the one that is in force now.
 * @throws {FleetError} as `ask`
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
const memberStateParser = createParser(MemberStateSchema, 'http-answer-unexpected', 'device or worker');
const configurationParser = createParser(Type.Unknown(), 'http-answer-unexpected', 'configuration');
const pollMs = 200;

/**
 * Waits until these devices run their newest configuration and it has measured profiles of both sides.
 * @throws {FleetError} `process-failed` when the time is over or `signal` fires; what `ask` throws
 */
export async function untilConfigured(platform: Operated, ids: readonly string[], patience: Patience): Promise<void> {
  const endMs = performance.now() + patience.timeoutMs;
  for (const id of ids) await until(id, patience, endMs, () => isConfigured(platform, id));
}

/**
 * Waits until a worker serves its newest configuration and measures nothing.
 * @throws {FleetError} `process-failed` when the time is over or `signal` fires; what `ask` throws
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
  const configuration = await askFor(`${url}/configuration`, init, configurationParser);
  const { reported } = await askFor(url, init, memberStateParser);
  return { configuration, reported };
}

/**
 * @returns the address of a path of a control plane's API
 * @throws {FleetError} `usage` for a control plane that is named by no address
 */
export function apiUrl(controlPlane: string, path: string): URL {
  try {
    return new URL(`/api/v1/${path}`, controlPlane);
  } catch (cause) {
    const example = 'such as http://127.0.0.1:8080';
    throw new FleetError('usage', `the control plane "${controlPlane}" is no address ${example}`, { cause });
  }
}

/** Asks for JSON. @throws {FleetError} as `ask`; `http-answer-unexpected` for what the parser does not take */
export async function askFor<T>(url: string, init: RequestInit, parser: Parser<T>): Promise<T> {
  const body = await bodyOf(url, await ask(url, init));
  try {
    return parser.parseJson(body);
  } catch (error) {
    throw new FleetError('http-answer-unexpected', `${url}: ${messageOf(error)}: ${beginOf(body)}`, { cause: error });
  }
}

/** @throws {FleetError} `http-failed` where no answer came; the code of what the control plane refused by */
export async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    throw connectionFailure(url, error);
  }
  if (response.ok) return response;
  throw refusalOf(url, response.status, await bodyOf(url, response));
}

/** @throws {FleetError} `http-failed` where the answer breaks off */
async function bodyOf(url: string, response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw connectionFailure(url, error);
  }
}
