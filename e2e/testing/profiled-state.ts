import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { changePolicy, untilConfigured } from '../../cli/platform/admin-client.ts';
import { startPlatform } from '../../cli/platform/platform.ts';
import { startFleet } from '../../cli/start/fleet.ts';
import { environment } from './environment.ts';
import { platformOptions, quietLog, type ShippedModel } from './platform-options.ts';

const profilingTimeoutMs = 180_000;

/**
 * The state of a platform that has measured a model on both sides: measured once a run, by the first test that
 * needs it, as it would be by an operator's first start.
 * @returns a folder to copy
 */
export async function profiledState(model: ShippedModel): Promise<string> {
  const folder = join(inject('sharedFolder'), model);
  const done = join(folder, 'profiled');
  if (existsSync(done)) return folder;
  await rm(folder, { recursive: true, force: true });
  const platform = await startPlatform(platformOptions(folder, model));
  try {
    await changePolicy(platform.httpUrl, platform.adminToken, { model });
    const fleet = await startFleet({
      platform,
      devices: [{ id: 'profiler', processorFactor: 1, link: { mbps: 100, traceScale: 1, traceOffsetMs: 0, rttMs: 0 } }],
      stateFolder: join(folder, 'devices'),
      source: 'synthetic',
      framesPerSecond: 1,
      logLevel: 'fatal',
      inherited: environment,
      onResult: () => undefined,
      log: quietLog,
    });
    const signal = new AbortController().signal;
    await untilConfigured(platform, ['profiler'], { timeoutMs: profilingTimeoutMs, signal }).finally(fleet.stop);
  } finally {
    await platform.stop();
  }
  await writeFile(done, '');
  return folder;
}
