import { Type } from 'typebox';
import { type StatesFile, StatesFileSchema } from '../../shared/protocol/states-file.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { apiUrl, ask, askFor } from './admin-client.ts';

/** States of a control plane, with how they came to be in force. */
const StatesInForceSchema = Type.Object({
  version: Type.Integer(),
  source: Type.String(),
  ...StatesFileSchema.properties,
});
export type StatesInForce = StatesFile & { version: number; source: string };
const parser = createParser(StatesInForceSchema, 'http-answer-unexpected', 'bandwidth states');

export interface ControlPlaneAccess {
  /** Its address. */
  controlPlane: string;
  token: string;
}

/** @throws {FleetError} `usage` for what is no address; what `ask` throws */
export async function fetchStates(access: ControlPlaneAccess): Promise<StatesInForce> {
  return askFor(urlOf(access), { headers: headersOf(access) }, parser);
}

/**
 * Puts states in force for the whole fleet, in place of those that are in force now.
 * @param states null: those that the control plane was started with
 * @throws {FleetError} `bandwidth-states-invalid`, `usage` for what is no address; what `ask` throws
 */
export async function changeStates(access: ControlPlaneAccess, states: StatesFile | null): Promise<StatesInForce> {
  const current = await ask(urlOf(access), { headers: headersOf(access) });
  const headers = { ...headersOf(access), 'if-match': current.headers.get('etag') ?? '' };
  const init =
    states === null
      ? { method: 'DELETE', headers }
      : { method: 'PUT', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(states) };
  return askFor(urlOf(access), init, parser);
}

function urlOf({ controlPlane }: ControlPlaneAccess): string {
  return apiUrl(controlPlane, 'bandwidth-states').toString();
}

function headersOf({ token }: ControlPlaneAccess): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
