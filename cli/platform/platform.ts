import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureKeys } from '../../control-plane/keys.ts';
import type { PlacementSettings } from '../../control-plane/placement/settings.ts';
import { toEnvironment } from '../../shared/runtime/config.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { LogLevel } from '../../shared/runtime/log-level.ts';
import { createSupervisedProcess, type ProcessSpec, type SupervisedProcess } from './supervised-process.ts';

export interface PlatformOptions {
  stateFolder: string;
  modelsFolder: string;
  /** 0: any free port. */
  httpPort: number;
  mqttPort: number;
  /** MQTT over WebSocket; absent: no WebSocket. */
  webSocketPort?: number;
  workers: number;
  /** How many times slower the workers are made to run; absent: not emulated. */
  workerFactor?: number;
  model?: string;
  /** Bandwidth states that maps are built for; absent: those that come with the project. */
  statesFile?: string;
  deadlineMs?: number;
  /** How long drift must last before a profile is measured anew; absent: as the control plane has it by default. */
  driftPersistMs?: number;
  /** How devices are moved; what is absent is as the control plane has it by default. */
  placement?: Partial<PlacementSettings>;
  logLevel: LogLevel;
  /** Where it runs, if not on this machine's 127.0.0.1. */
  place?: PlatformPlace;
  inherited: Record<string, string | undefined>;
  log: Log;
  /** Gives up starting. */
  signal?: AbortSignal;
}

/** Of `driftPersistMs`: whoever measures a platform must not have it measure itself meanwhile. */
export const profilesStayMs = 86_400_000;

/** Broker, control plane and workers as supervised processes. */
export interface Platform {
  readonly httpUrl: string;
  readonly brokerUrl: string;
  /** Where the broker serves MQTT over WebSocket; undefined: nowhere. */
  readonly brokerWebSocketUrl: string | undefined;
  readonly enrolmentToken: string;
  readonly adminToken: string;
  readonly processes: readonly SupervisedProcess[];
  process(name: string): SupervisedProcess | undefined;
  stop(): Promise<void>;
}

/** Another loopback address, another network namespace. */
export interface PlatformPlace {
  /** What broker and control plane listen on. */
  host: string;
  /** Put before the command of each process. */
  launcher: readonly string[];
}

const startTimeoutMs = 60_000;
const distFolder = fileURLToPath(new URL('../..', import.meta.url));

/** @returns the compiled main file of a component */
export function mainScript(component: string): string {
  return join(distFolder, component, 'main.js');
}

/**
 * Starts broker, control plane and workers, in this order, each when the one before serves.
 * @throws {FleetError} `process-failed`; what was started is stopped again
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const processes: SupervisedProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const running of [...processes].reverse()) await running.stop();
  };
  async function launch(spec: Omit<ProcessSpec, 'log'>): Promise<Record<string, string>> {
    const launcher = options.place?.launcher ?? [];
    const supervised = createSupervisedProcess({ ...spec, launcher, log: options.log }, options.inherited);
    processes.push(supervised);
    return supervised.start(startTimeoutMs, options.signal);
  }
  try {
    const broker = await launch(brokerSpec(options));
    const { mqtt: brokerUrl = '', webSocket: brokerWebSocketUrl } = broker;
    const controlPlane = await launch(controlPlaneSpec(options, brokerUrl));
    const httpUrl = controlPlane['http'] ?? '';
    const enrolmentToken = readFileSync(controlPlane['enrolmentTokenFile'] ?? '', 'utf8').trim();
    const adminToken = readFileSync(controlPlane['adminTokenFile'] ?? '', 'utf8').trim();
    for (let number = 1; number <= options.workers; number += 1) {
      await launch(workerSpec(options, `worker-${number}`, { httpUrl, enrolmentToken, brokerUrl }));
    }
    const process = (name: string): SupervisedProcess | undefined => processes.find((each) => each.name === name);
    return { httpUrl, brokerUrl, brokerWebSocketUrl, enrolmentToken, adminToken, processes, process, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function brokerSpec(options: PlatformOptions): Omit<ProcessSpec, 'log'> {
  const { stateFolder, mqttPort, webSocketPort, place, logLevel } = options;
  const { publicKeyFile } = ensureKeys(join(stateFolder, 'control-plane'));
  return {
    name: 'broker',
    script: mainScript('broker'),
    environment: toEnvironment({ listenHost: place?.host, mqttPort, webSocketPort, publicKeyFile, logLevel }),
    // Everybody knows the ports by now: they must not change with a restart.
    environmentAfter: ({ mqtt = '', webSocket }) =>
      toEnvironment({
        mqttPort: Number(new URL(mqtt).port),
        webSocketPort: webSocket === undefined ? undefined : Number(new URL(webSocket).port),
      }),
  };
}

function controlPlaneSpec(options: PlatformOptions, brokerUrl: string): Omit<ProcessSpec, 'log'> {
  const { place, httpPort, modelsFolder, model, statesFile, deadlineMs, driftPersistMs, placement, logLevel } = options;
  const dataFolder = join(options.stateFolder, 'control-plane');
  return {
    name: 'control-plane',
    script: mainScript('control-plane'),
    environment: toEnvironment({
      listenHost: place?.host,
      httpPort,
      dataFolder,
      brokerUrl,
      modelsFolder,
      model,
      statesFile,
      deadlineMs,
      driftPersistMs,
      ...placement,
      logLevel,
    }),
    environmentAfter: ({ http }) => toEnvironment({ httpPort: Number(new URL(http ?? '').port) }),
  };
}

function workerSpec(
  { stateFolder, workerFactor, logLevel }: PlatformOptions,
  id: string,
  { httpUrl, enrolmentToken, brokerUrl }: Pick<Platform, 'httpUrl' | 'enrolmentToken' | 'brokerUrl'>,
): Omit<ProcessSpec, 'log'> {
  const dataFolder = join(stateFolder, id);
  return {
    name: id,
    script: mainScript('edge-worker'),
    environment: toEnvironment({
      id,
      controlPlaneUrl: httpUrl,
      enrolmentToken,
      brokerUrl,
      dataFolder,
      processorFactor: workerFactor,
      logLevel,
    }),
  };
}
