import type { Policy } from '../../shared/protocol/messages.ts';
import { FleetError, messageOf } from '../../shared/runtime/errors.ts';

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

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    throw new FleetError('http-failed', `${url}: ${messageOf(error)}`, { cause: error });
  }
  if (response.ok) return response;
  throw new FleetError('http-failed', `${url}: ${response.status} ${(await response.text()).slice(0, 300)}`);
}
