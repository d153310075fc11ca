import { join } from 'node:path';
import { edgeWorkerConfigSchema } from '../../edge-worker/config.ts';
import { startEdgeWorker } from '../../edge-worker/create-worker.ts';
import { readConfig, toEnvironment } from '../../shared/runtime/config.ts';
import type { Cleanup } from './cleanup.ts';
import type { TestPlatform } from './test-platform.ts';

export interface TestWorkerOptions {
  cleanup: Cleanup;
  platform: TestPlatform;
  id: string;
  /** What it registers and is profiled with. */
  processorFactor: number;
  /** What it is slowed by when a segment is run. */
  factorNow: () => number;
  /** Runs that each segment is profiled with; as of any worker if absent. */
  profileRuns?: number;
}

/** Starts a worker in this process, which a test can slow while it serves. Its class is profiled from now on. */
export async function startTestWorker(options: TestWorkerOptions): Promise<void> {
  const { cleanup, platform, id, processorFactor, factorNow, profileRuns } = options;
  const { httpUrl, enrolmentToken, brokerUrl, log } = platform;
  const stop = new AbortController();
  const worker = await startEdgeWorker({
    config: readConfig(
      edgeWorkerConfigSchema,
      toEnvironment({
        id,
        controlPlaneUrl: httpUrl,
        enrolmentToken,
        brokerUrl,
        dataFolder: join(platform.stateFolder, id),
        threads: 1,
        processorFactor,
        ...(profileRuns === undefined ? {} : { profileRuns }),
      }),
    ),
    log,
    signal: stop.signal,
    onLost: () => log.fatal({ id }, 'the worker has lost its inference thread'),
    processorFactor: factorNow,
  });
  cleanup.add(async () => {
    stop.abort();
    await worker.close();
  });
  await worker.ready;
}
