import { expect } from 'vitest';
import { type DeviceConfiguration, deviceConfigurationParser } from '../../shared/protocol/messages.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import type { TestedControlPlane } from './start-control-plane.ts';

/** What operators and members do over HTTP, where it has to succeed. */

export async function configurationOf(plane: TestedControlPlane, id: string): Promise<DeviceConfiguration> {
  return deviceConfigurationParser.parse(await plane.getJson(`/devices/${id}/configuration`));
}

/** Whatever version is in force. */
export async function changePolicy(plane: TestedControlPlane, payload: object): Promise<void> {
  const headers = { ...plane.admin, 'if-match': '*' };
  const response = await plane.http.inject({ method: 'PUT', url: '/api/v1/policy', headers, payload });
  expect(response.statusCode).toBe(200);
}

/** @param id of the member that has measured it */
export async function putProfile(plane: TestedControlPlane, id: string, payload: Profile): Promise<void> {
  const headers = plane.bearer(payload.tier, id);
  const response = await plane.http.inject({ method: 'PUT', url: '/api/v1/profiles', headers, payload });
  expect(response.statusCode).toBe(200);
}
