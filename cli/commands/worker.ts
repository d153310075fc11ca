import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { toEnvironment } from '../../shared/runtime/config.ts';
import type { LogLevel } from '../../shared/runtime/log-level.ts';
import { examples, logLevelOption, numberBetween } from '../options.ts';
import { mainScript } from '../platform/platform.ts';
import { runComponent } from '../platform/run-component.ts';

interface WorkerRunOptions {
  id: string;
  controlPlane: string;
  enrolmentToken?: string;
  threads: number;
  state?: string;
  logLevel: LogLevel;
}

/** `edgent worker`: an edge worker. */
export function workerCommand(inherited: Record<string, string | undefined>): Command {
  const run = new Command('run')
    .description('run an edge worker here')
    .requiredOption('--id <name>', 'name of this worker')
    .option('--control-plane <url>', 'address of the control plane', 'http://127.0.0.1:8080')
    .option('--enrolment-token <token>', 'needed once, to register this worker')
    .option('--threads <n>', 'inference threads; 0: all cores but one', numberBetween(0, 256, 'integer'), 0)
    .option('--state <folder>', 'credentials, configuration and models (default: .edgent/worker-<id>)')
    .addOption(logLevelOption('of the worker'))
    .addHelpText('after', examples('edgent worker run --id edge-2 --enrolment-token "$TOKEN" --threads 4'))
    .action(async (options: WorkerRunOptions) => {
      const environment = toEnvironment({
        id: options.id,
        controlPlaneUrl: options.controlPlane,
        enrolmentToken: options.enrolmentToken,
        threads: options.threads,
        dataFolder: resolve(options.state ?? join('.edgent', `worker-${options.id}`)),
        logLevel: options.logLevel,
      });
      process.exitCode = await runComponent(mainScript('edge-worker'), { ...inherited, ...environment });
    });
  return new Command('worker')
    .addCommand(run)
    .addHelpText('after', examples('edgent worker run --id edge-2 --threads 4', 'edgent worker run --help'));
}
