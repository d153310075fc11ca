import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { changePolicy } from '../../cli/platform/admin-client.ts';
import { type Platform, type PlatformOptions, startPlatform } from '../../cli/platform/platform.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { type Cleanup, temporaryFolder } from './cleanup.ts';
import { platformOptions, quietLog, type ShippedModel } from './platform-options.ts';
import { profiledState } from './profiled-state.ts';

export interface TestPlatform extends Platform {
  /** What this platform and its devices keep on disk. */
  readonly stateFolder: string;
  readonly log: Log;
}

export interface TestPlatformOptions {
  cleanup: Cleanup;
  model?: ShippedModel;
  deadlineMs?: number;
  /** Worker processes; 1 if absent. */
  workers?: number;
  /** How devices are moved; as by default if absent. */
  placement?: PlatformOptions['placement'];
}

/**
 * Starts broker, control plane and workers as real processes, on free ports, the model profiled before.
 * @returns a platform with this policy in force, stopped by the cleanup
 */
export async function startTestPlatform(options: TestPlatformOptions): Promise<TestPlatform> {
  const { cleanup, model = 'branchy-alexnet-32', deadlineMs = 200, workers = 1, placement = {} } = options;
  const stateFolder = await temporaryFolder(cleanup);
  await cp(await profiledState(model), stateFolder, { recursive: true });
  const platform = await startPlatform({ ...platformOptions(stateFolder, model), workers, placement });
  cleanup.add(platform.stop);
  await changePolicy(platform.httpUrl, platform.adminToken, { model, deadlineMs });
  return { ...platform, stateFolder, log: quietLog };
}

/** @returns the folder in which a device of this platform keeps its data */
export function deviceFolder(platform: TestPlatform, id: string): string {
  return join(platform.stateFolder, 'devices', id);
}
