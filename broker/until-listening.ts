import { once } from 'node:events';
import type { Server } from 'node:net';
import { FleetError, messageOf } from '../shared/runtime/errors.ts';

/**
 * Waits until a server has the port that it was told to listen on.
 * @throws {FleetError} `listen-failed`
 */
export async function untilListening(server: Server, url: string): Promise<void> {
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FleetError('listen-failed', `${url}: ${messageOf(error)}`, { cause: error });
  }
}
