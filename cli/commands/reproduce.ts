import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { experiments } from '../../experiments/reproduce/experiments.ts';
import { reproduce } from '../../experiments/reproduce/reproduce.ts';
import { fullScale, quickScale } from '../../experiments/reproduce/scale.ts';
import type { StartPlatform } from '../../experiments/reproduce/test-bed.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { dataOption } from '../data-folder.ts';
import { examples, shippedModelsFolder } from '../options.ts';
import { changePolicy, untilConfigured, untilServing } from '../platform/admin-client.ts';
import { profilesStayMs, startPlatform } from '../platform/platform.ts';
import { lockState } from '../platform/state-lock.ts';
import { listenForStop, type StopRequest } from '../until-stopped.ts';
import { printLine } from './print.ts';

interface ReproduceCommandOptions {
  quick: boolean;
  fresh: boolean;
  only?: string[];
  out?: string;
  state: string;
  data: string;
}

/** The report that the project ships. */
const shippedReport = fileURLToPath(new URL('../../../experiments/report', import.meta.url));
/** The first start at a place profiles the model on both sides, one after the other. */
const profilingTimeoutMs = 600_000;

/** `edgent reproduce`: the paper's experiments on this software, and a report of them. */
export function reproduceCommand(inherited: Record<string, string | undefined>): Command {
  const names = experiments.map(({ name }) => name);
  return new Command('reproduce')
    .option('--quick', 'at most five minutes: whether everything works, not how fast it is', false)
    .addOption(new Option('--only <experiment...>', 'these alone').choices(names))
    .option('--fresh', 'measure anew what an earlier run has measured', false)
    .option('--out <folder>', 'data and report (default: experiments/report; with --quick: in the state folder)')
    .option('--state <folder>', 'keeps what was measured: an interrupted run goes on where it was', '.edgent/reproduce')
    .addOption(dataOption())
    .addHelpText(
      'after',
      examples('npm run reproduce', 'npm run reproduce -- --quick', 'npm run reproduce -- --only layers exits --fresh'),
    )
    .action(async (options: ReproduceCommandOptions) => run(options, inherited));
}

async function run(options: ReproduceCommandOptions, inherited: Record<string, string | undefined>): Promise<void> {
  const { quick, fresh, only, out, data } = options;
  const stateFolder = resolve(options.state);
  const unlock = lockState(stateFolder);
  const stop = listenForStop();
  try {
    const written = await reproduce({
      experiments,
      chosen: only ?? experiments.map(({ name }) => name),
      scale: quick ? quickScale : fullScale,
      outFolder: out === undefined ? (quick ? join(stateFolder, 'quick-report') : shippedReport) : resolve(out),
      stateFolder,
      dataFolder: resolve(data),
      fresh,
      startPlatform: platformStarter(inherited, stop),
      signal: stop.signal,
      progress: (text) => void process.stderr.write(`${text}\n`),
    });
    for (const path of written) printLine(path);
  } finally {
    stop.release();
    unlock();
  }
}

function platformStarter(inherited: Record<string, string | undefined>, { signal }: StopRequest): StartPlatform {
  return async ({ stateFolder, model, workerFactor }) => {
    const platform = await startPlatform({
      stateFolder,
      modelsFolder: shippedModelsFolder,
      httpPort: 0,
      mqttPort: 0,
      workers: 1,
      workerFactor,
      model,
      driftPersistMs: profilesStayMs,
      logLevel: 'error',
      inherited,
      log: createLog('reproduce', 'warn'),
      signal,
    });
    const { httpUrl, adminToken } = platform;
    // The state of an earlier run may have another model in force.
    await changePolicy(httpUrl, adminToken, { model });
    const patience = { timeoutMs: profilingTimeoutMs, signal };
    // What the worker measures and loads would disturb what the device measures.
    await untilServing(platform, 'worker-1', patience);
    return {
      ...platform,
      changePolicy: (change) => changePolicy(httpUrl, adminToken, change),
      untilConfigured: (id) => untilConfigured(platform, [id], patience),
    };
  };
}
