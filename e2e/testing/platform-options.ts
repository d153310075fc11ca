import { type PlatformOptions, profilesStayMs } from '../../cli/platform/platform.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import { environment } from './environment.ts';

/** Packages that come with the project. */
export type ShippedModel = 'branchy-alexnet-32' | 'branchy-alexnet-128';

/** What a test lets through of the logs: failures are made on purpose here. */
export const quietLog = createLog('e2e', 'fatal');

/** @returns settings of a platform on free ports */
export function platformOptions(stateFolder: string, model: ShippedModel): PlatformOptions {
  return {
    stateFolder,
    modelsFolder: repositoryFile('models'),
    httpPort: 0,
    mqttPort: 0,
    workers: 1,
    model,
    driftPersistMs: profilesStayMs,
    logLevel: 'fatal',
    inherited: environment,
    log: quietLog,
  };
}
