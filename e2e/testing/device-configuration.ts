import { ask } from '../../cli/platform/admin-client.ts';
import type { Platform } from '../../cli/platform/platform.ts';
import { type DeviceConfiguration, deviceConfigurationParser } from '../../shared/protocol/messages.ts';

type Operated = Pick<Platform, 'httpUrl' | 'adminToken'>;

/** @returns what the control plane wants a device to run now, as an operator reads it */
export async function configurationOf({ httpUrl, adminToken }: Operated, id: string): Promise<DeviceConfiguration> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const response = await ask(`${httpUrl}/api/v1/devices/${id}/configuration`, { headers });
  return deviceConfigurationParser.parse(await response.json());
}
