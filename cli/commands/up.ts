import { resolve } from 'node:path';
import { Command } from 'commander';
import { createLog } from '../../shared/runtime/log.ts';
import type { LogLevel } from '../../shared/runtime/log-level.ts';
import { examples, logLevelOption, numberBetween, shippedModelsFolder } from '../options.ts';
import { startPlatform } from '../platform/platform.ts';
import { lockState } from '../platform/state-lock.ts';
import { listenForStop, untilStopped } from '../until-stopped.ts';
import { printJson, printLine } from './print.ts';

interface UpOptions {
  httpPort: number;
  mqttPort: number;
  webSocketPort?: number;
  workers: number;
  models: string;
  state: string;
  states?: string;
  logLevel: LogLevel;
  json?: boolean;
}

/** `edgent up`: broker, control plane and workers as processes that are started again when they end. */
export function upCommand(inherited: Record<string, string | undefined>): Command {
  return new Command('up')
    .option('--http-port <port>', 'control plane; 0: any free port', numberBetween(0, 65_535, 'integer'), 8080)
    .option('--mqtt-port <port>', 'broker; 0: any free port', numberBetween(0, 65_535, 'integer'), 1883)
    .option(
      '--web-socket-port <port>',
      'broker, MQTT over WebSocket; 0: any free port (default: no WebSocket)',
      numberBetween(0, 65_535, 'integer'),
    )
    .option('--workers <n>', 'edge workers on this machine', numberBetween(0, 16, 'integer'), 1)
    .option('--models <folder>', 'model packages, a folder each', shippedModelsFolder)
    .option('--state <folder>', 'database, keys and tokens', '.edgent/up')
    .option(
      '--states <file>',
      'bandwidth states of configuration maps, from `edgent states build` (default: shipped ones)',
    )
    .addOption(logLevelOption('of all processes'))
    .option('--json', 'print the addresses as one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent up',
        'edgent up --web-socket-port 8083',
        'edgent up --http-port 0 --mqtt-port 0 --state /var/lib/edgent --json',
      ),
    )
    .action((options: UpOptions) => up(options, inherited));
}

async function up(options: UpOptions, inherited: Record<string, string | undefined>): Promise<void> {
  const stateFolder = resolve(options.state);
  const unlock = lockState(stateFolder);
  const stop = listenForStop();
  const log = createLog('edgent', options.logLevel);
  try {
    const { httpPort, mqttPort, webSocketPort, workers, states, logLevel } = options;
    const platform = await startPlatform({
      stateFolder,
      modelsFolder: resolve(options.models),
      ...(states === undefined ? {} : { statesFile: resolve(states) }),
      httpPort,
      mqttPort,
      ...(webSocketPort === undefined ? {} : { webSocketPort }),
      workers,
      logLevel,
      inherited,
      log,
      signal: stop.signal,
    });
    const files = `${stateFolder}/control-plane`;
    const addresses = {
      controlPlane: platform.httpUrl,
      api: `${platform.httpUrl}/api/v1/docs`,
      broker: platform.brokerUrl,
      ...(platform.brokerWebSocketUrl === undefined ? {} : { brokerWebSocket: platform.brokerWebSocketUrl }),
      adminTokenFile: `${files}/admin-token`,
      enrolmentTokenFile: `${files}/enrolment-token`,
    };
    if (options.json === true) printJson(addresses);
    else for (const [name, address] of Object.entries(addresses)) printLine(`${name.padEnd(20)} ${address}`);
    await untilStopped(0, stop);
    await platform.stop();
  } finally {
    stop.release();
    unlock();
  }
}
