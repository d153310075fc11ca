import { join } from 'node:path';
import { createDeviceAgent, type DeviceAgentOptions } from '../../device-agent/agent.ts';
import { type DeviceConfig, DeviceConfigSchema } from '../../device-agent/config.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { readConfig, toEnvironment } from '../../shared/runtime/config.ts';
import type { Cleanup } from './cleanup.ts';
import { createResultLog, type ResultLog } from './result-log.ts';
import { deviceFolder, type TestPlatform } from './test-platform.ts';

/** A device agent in this process: what it is asked and what it answers is at hand. */
export interface TestDevice extends Pick<ResultLog, 'results' | 'until' | 'next'> {
  /** Resolves when the source has ended, `maxFrames` are done or it was stopped; with how many frames it ran. */
  readonly ran: Promise<number>;
  stop(): Promise<void>;
}

export interface TestDeviceOptions extends Pick<DeviceAgentOptions, 'forcedPlan' | 'onFailure'> {
  cleanup: Cleanup;
  platform: TestPlatform;
  id: string;
  config: Partial<DeviceConfig>;
}

/** Starts a device on its own data folder. @returns it with frames running, stopped by the cleanup */
export async function startTestDevice(options: TestDeviceOptions): Promise<TestDevice> {
  const { cleanup, platform, id, forcedPlan, onFailure } = options;
  const log = createResultLog();
  const agent = await createDeviceAgent({
    config: configOf(options),
    clock: systemClock,
    log: platform.log,
    onResult: log.record,
    ...(forcedPlan === undefined ? {} : { forcedPlan }),
    ...(onFailure === undefined ? {} : { onFailure }),
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= agent.stop();
    return stopping;
  };
  cleanup.add(stop);
  await agent.start();
  const ran = agent.run();
  // Whoever waits for it is told; nobody need wait.
  ran.catch((error: unknown) => platform.log.error({ id, reason: String(error) }, 'frames ended'));
  return { results: log.results, until: log.until, next: log.next, ran, stop };
}

function configOf({ platform, id, config }: TestDeviceOptions): DeviceConfig {
  return readConfig(
    DeviceConfigSchema,
    toEnvironment({
      id,
      controlPlaneUrl: platform.httpUrl,
      brokerUrl: platform.brokerUrl,
      enrolmentToken: platform.enrolmentToken,
      dataFolder: deviceFolder(platform, id),
      modelCacheFolder: join(platform.stateFolder, 'devices', 'device-models'),
      ...config,
    }),
  );
}
