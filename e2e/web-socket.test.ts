import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startPlatform } from '../cli/platform/platform.ts';
import { createMqttConnection } from '../shared/adapters/mqtt-connection.ts';
import { frameLineParser } from '../shared/protocol/frame-result.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { type RunningCommand, startEdgent } from './testing/command.ts';
import { platformOptions, quietLog } from './testing/platform-options.ts';
import { killProcessesWith } from './testing/processes.ts';
import { profiledState } from './testing/profiled-state.ts';

const model = 'branchy-alexnet-32';
const portsAny = ['--http-port', '0', '--mqtt-port', '0'];
const patienceMs = 60_000;

describe('edgent up --web-socket-port', () => {
  const cleanup = cleanupAfterAll();
  let state = '';
  afterEach(() => killProcessesWith(state));

  /** @returns the address that `edgent up` prints under this name */
  async function addressOf(up: RunningCommand, name: string): Promise<string> {
    const [, address = ''] = (await up.line(`${name} `, patienceMs)).split(/ +/);
    return address;
  }

  test('has the broker serve devices over WebSocket: a frame is finished on the worker that way', async () => {
    state = await temporaryFolder(cleanup);
    await cp(await profiledState(model), state, { recursive: true });
    const words = ['--web-socket-port', '0', '--state', state, '--log-level', 'fatal'];
    const up = startEdgent(['up', ...portsAny, ...words], { cleanup });
    const webSocket = await addressOf(up, 'brokerWebSocket');
    expect(webSocket).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/mqtt$/);
    const controlPlane = await addressOf(up, 'controlPlane');
    const token = (await readFile(await addressOf(up, 'enrolmentTokenFile'), 'utf8')).trim();
    const where = ['--control-plane', controlPlane, '--broker', webSocket, '--enrolment-token', token];
    const how = ['--plan', '5,0,u8', '--fps', '20', '--state', join(state, 'cam'), '--log-level', 'warn'];
    const device = startEdgent(['device', 'run', '--id', 'cam', ...where, ...how], { cleanup });
    const result = frameLineParser.parse(JSON.parse(await device.line('"finishedOn":"worker"', patienceMs)));
    expect(result).toMatchObject({ device: 'cam', planned: 'forced', fallback: null });
    device.child.kill('SIGTERM');
    expect((await device.ended).code).toBe(0);
    up.child.kill('SIGTERM');
    expect((await up.ended).code).toBe(0);
  });

  test('keeps its port when the broker is started again, and is not there unless asked for', async () => {
    state = await temporaryFolder(cleanup);
    const without = await startPlatform({ ...platformOptions(join(state, 'without'), model), workers: 0 });
    expect(without.brokerWebSocketUrl).toBeUndefined();
    await without.stop();
    const options = platformOptions(join(state, 'with'), model);
    const platform = await startPlatform({ ...options, workers: 0, webSocketPort: 0 });
    cleanup.add(platform.stop);
    const url = platform.brokerWebSocketUrl ?? '';
    const id = 'admin';
    const client = createMqttConnection({ url, id, token: platform.adminToken, log: quietLog });
    cleanup.add(client.close);
    await client.ready(patienceMs);
    let lost = 0;
    client.onDisconnect(() => {
      lost += 1;
    });
    const pid = platform.process('broker')?.pid();
    if (pid === undefined) throw new Error('the broker has no process');
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => lost > 0 && client.connected(), { timeout: patienceMs }).toBe(true);
    expect(platform.process('broker')?.restarts()).toBe(1);
  });
});
