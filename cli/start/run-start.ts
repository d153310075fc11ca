import { join, resolve } from 'node:path';
import { parseForcedPlan } from '../../shared/planner/forced-plan.ts';
import type { FrameFailure, FrameResult } from '../../shared/protocol/frame-result.ts';
import type { Policy } from '../../shared/protocol/messages.ts';
import { directions } from '../../shared/protocol/tensor-frame.ts';
import { createLog, type Log } from '../../shared/runtime/log.ts';
import { createProgressLine } from '../commands/progress-line.ts';
import { shippedModelsFolder } from '../options.ts';
import { changePolicy, type PolicyChange, untilConfigured } from '../platform/admin-client.ts';
import { type Platform, startPlatform } from '../platform/platform.ts';
import { lockState } from '../platform/state-lock.ts';
import { listenForStop, untilStopped } from '../until-stopped.ts';
import { checkInputs } from './check-inputs.ts';
import { type DeviceSpec, type Fleet, startFleet } from './fleet.ts';
import { createLiveTable } from './live-table.ts';
import { watchProfiling } from './profiling-progress.ts';
import { type RunReport, reportRun } from './report.ts';

export interface StartOptions {
  devices: number;
  /** Seconds; 0: until stopped. */
  duration: number;
  deadline: number;
  model: string;
  images?: string;
  trace?: string[];
  traceScale: number;
  rtt: number;
  fps: number;
  processorFactors: number[];
  /** How inputs and cuts may travel. */
  encodings: Policy['encodings'];
  plan?: string;
  /** Accuracy that early exits may cost, 0 to 1; absent: none is asked. */
  earlyExit?: number;
  state: string;
  verbose: boolean;
  inherited: Record<string, string | undefined>;
}

/** What runs while a start goes on, for whoever wants to disturb it. */
export interface RunningStart {
  platform: Platform;
  fleet: Fleet;
}

const profilingTimeoutMs = 300_000;
/** Rates of the emulated links where no trace is given, Mbit/s. */
const defaultMbps = [20, 8, 3, 1];
/** Devices that share a trace begin this far apart in it, ms. */
const traceStrideMs = 45_000;

/**
 * Runs the whole platform with emulated devices, and says what came of it.
 * @param onRunning called when the first frames begin
 * @throws {FleetError} what `checkInputs` throws, `conflict`, `process-failed`, `http-failed`
 */
export async function runStart(
  options: StartOptions,
  output: NodeJS.WriteStream,
  onRunning: (running: RunningStart) => void = () => undefined,
  onResult: (result: FrameResult) => void = () => undefined,
): Promise<RunReport> {
  await checkInputs(options);
  const state = resolve(options.state);
  const unlock = lockState(state);
  const stop = listenForStop();
  const log = createLog('edgent', options.verbose ? 'info' : 'warn');
  const results: FrameResult[] = [];
  const failures: FrameFailure[] = [];
  let platform: Platform | undefined;
  let fleet: Fleet | undefined;
  let stopWatching = (): void => undefined;
  try {
    output.write('starting broker, control plane and worker …\n');
    platform = await startPlatform({ ...platformOptions(options, state, log), signal: stop.signal });
    await changePolicy(platform.httpUrl, platform.adminToken, policyOf(options));
    const devices = deviceSpecs(options);
    const table = createLiveTable({ devices: devices.map(({ id }) => id), title: titleOf(options, platform), output });
    output.write(
      `starting ${devices.length} devices (the first start measures the model's layers, about half a minute) …\n`,
    );
    stopWatching = watchProfiling(platform, createProgressLine(output));
    fleet = await startFleet({
      ...fleetOptions(options, platform, state, log),
      devices,
      signal: stop.signal,
      onResult: (result) => {
        results.push(result);
        table.record(result);
        onResult(result);
      },
      onFailure: (failure) => {
        failures.push(failure);
        table.recordFailure(failure);
      },
    });
    const ids = devices.map(({ id }) => id);
    await untilConfigured(platform, ids, { timeoutMs: profilingTimeoutMs, signal: stop.signal });
    stopWatching();
    const startedAtMs = performance.now();
    fleet.begin();
    table.start();
    onRunning({ platform, fleet });
    await untilStopped(options.duration, stop);
    table.stop();
    return reportRun(
      { results: [...results], failures: [...failures] },
      {
        model: options.model,
        durationS: Math.round((performance.now() - startedAtMs) / 100) / 10,
        devices: options.devices,
        emulation: emulationOf(options),
      },
    );
  } finally {
    stopWatching();
    await fleet?.stop();
    await platform?.stop();
    stop.release();
    unlock();
  }
}

function platformOptions(options: StartOptions, stateFolder: string, log: Log): Parameters<typeof startPlatform>[0] {
  return {
    stateFolder,
    modelsFolder: shippedModelsFolder,
    httpPort: 0,
    mqttPort: 0,
    workers: 1,
    model: options.model,
    deadlineMs: options.deadline,
    logLevel: options.verbose ? 'info' : 'warn',
    inherited: options.inherited,
    log,
  };
}

/** What a forced plan needs is allowed. */
function policyOf({ deadline: deadlineMs, model, plan, encodings: named, ...options }: StartOptions): PolicyChange {
  const { encoding } = plan === undefined ? {} : parseForcedPlan(plan);
  const encodings = encoding === undefined || named.includes(encoding) ? named : [...named, encoding];
  const earlyExit = options.earlyExit === undefined ? null : { accuracyLoss: options.earlyExit };
  const base = { deadlineMs, model, encodings, earlyExit };
  return plan?.endsWith(',edge-first') === true ? { ...base, directions: [...directions] } : base;
}

function fleetOptions(
  options: StartOptions,
  platform: Platform,
  state: string,
  log: Log,
): Omit<Parameters<typeof startFleet>[0], 'devices' | 'onResult' | 'onFailure'> {
  const base = {
    platform,
    stateFolder: join(state, 'devices'),
    source: options.images === undefined ? 'synthetic' : resolve(options.images),
    framesPerSecond: options.fps,
    logLevel: options.verbose ? ('info' as const) : ('warn' as const),
    inherited: options.inherited,
    log,
  };
  return options.plan === undefined ? base : { ...base, plan: options.plan };
}

function deviceSpecs(options: StartOptions): DeviceSpec[] {
  return Array.from({ length: options.devices }, (_, index) => {
    const factor = options.processorFactors[index % options.processorFactors.length] ?? 1;
    const id = `device-${index + 1}`;
    const base = { traceScale: options.traceScale, traceOffsetMs: 0, rttMs: options.rtt };
    const files = options.trace ?? [];
    const file = files[index % files.length];
    if (file === undefined) {
      return { id, processorFactor: factor, link: { ...base, mbps: defaultMbps[index % defaultMbps.length] ?? 10 } };
    }
    const traceOffsetMs = Math.floor(index / files.length) * traceStrideMs;
    return {
      id,
      processorFactor: factor,
      link: { ...base, traceFile: resolve(file), traceIndex: index, traceOffsetMs },
    };
  });
}

function emulationOf({ trace, traceScale, rtt, processorFactors, devices }: StartOptions): RunReport['emulation'] {
  const rates = Array.from({ length: devices }, (_, i) => defaultMbps[i % defaultMbps.length]);
  const what = trace === undefined ? `constant ${rates.join(', ')} Mbit/s` : `${trace.join(', ')} × ${traceScale}`;
  const factors = Array.from({ length: devices }, (_, i) => processorFactors[i % processorFactors.length]);
  return {
    links: `userspace TCP relay, ${what}, rtt ${rtt} ms`,
    processors: `each run stretched to ${factors.join(', ')} times its own time`,
  };
}

function titleOf(options: StartOptions, platform: Platform): string {
  const { links, processors } = emulationOf(options);
  const frames =
    options.images === undefined ? 'frames are drawn, so no accuracy is claimed' : `frames: ${options.images}`;
  return `${options.model} · control plane ${platform.httpUrl} · broker ${platform.brokerUrl} · ${frames}
emulated links: ${links} · emulated processors: ${processors}`;
}
