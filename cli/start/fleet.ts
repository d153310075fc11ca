import { join } from 'node:path';
import { type FrameFailure, type FrameResult, frameLineParser } from '../../shared/protocol/frame-result.ts';
import { toEnvironment } from '../../shared/runtime/config.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { LogLevel } from '../../shared/runtime/log-level.ts';
import { mainScript, type Platform } from '../platform/platform.ts';
import { createSupervisedProcess, type SupervisedProcess } from '../platform/supervised-process.ts';

/** One emulated device. */
export interface DeviceSpec {
  id: string;
  processorFactor: number;
  link: LinkSpec;
}

/** One emulated link: a rate for ever, or a trace. */
export interface LinkSpec {
  mbps?: number;
  traceFile?: string;
  traceIndex?: number;
  traceScale: number;
  traceOffsetMs: number;
  rttMs: number;
}

export interface FleetOptions {
  platform: Platform;
  devices: readonly DeviceSpec[];
  stateFolder: string;
  /** A CIFAR-10 file, a folder, or "synthetic". */
  source: string;
  framesPerSecond: number;
  plan?: string;
  maxFrames?: number;
  logLevel: LogLevel;
  inherited: Record<string, string | undefined>;
  onResult: (result: FrameResult) => void;
  /** Told instead of `onResult` where a frame came to nothing. */
  onFailure?: (failure: FrameFailure) => void;
  log: Log;
  /** Gives up starting. */
  signal?: AbortSignal;
}

/** Devices as real processes, each behind a link of its own. */
export interface Fleet {
  /** Begins with frames on all devices at once. */
  begin(): void;
  device(id: string): SupervisedProcess | undefined;
  stop(): Promise<void>;
}

/** A first start profiles the model on this machine; later ones find the profile. */
const readyTimeoutMs = 300_000;
/** Devices start in the data set this far apart, so that they do not all see the same images. */
const frameStride = 250;

/** Starts the links and then the devices. @throws {FleetError} `process-failed` */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const links = createSupervisedProcess(linksSpec(options), options.inherited);
  const devices: SupervisedProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(devices.map((device) => device.stop()));
    await links.stop();
  };
  try {
    const addresses = await links.start(10_000, options.signal);
    for (const [index, spec] of options.devices.entries()) {
      devices.push(
        createSupervisedProcess(deviceSpec(options, spec, index, addresses[spec.id] ?? ''), options.inherited),
      );
    }
    await Promise.all(devices.map((device) => device.start(readyTimeoutMs, options.signal)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    begin() {
      for (const device of devices) device.tell('start');
    },
    device: (id) => devices.find(({ name }) => name === id),
    stop,
  };
}

function linksSpec({ platform, devices, log }: FleetOptions): Parameters<typeof createSupervisedProcess>[0] {
  const targetPort = Number(new URL(platform.brokerUrl).port);
  const links = devices.map(({ id, link }) => ({ ...link, name: id, targetPort }));
  return {
    name: 'links',
    script: mainScript(join('experiments', 'emulation')),
    environment: { EDGENT_LINKS: JSON.stringify(links) },
    log,
  };
}

function deviceSpec(
  options: FleetOptions,
  { id, processorFactor }: DeviceSpec,
  index: number,
  brokerUrl: string,
): Parameters<typeof createSupervisedProcess>[0] {
  const { platform, stateFolder, source, framesPerSecond, plan, maxFrames, logLevel, log } = options;
  const environment = toEnvironment({
    id,
    controlPlaneUrl: platform.httpUrl,
    enrolmentToken: platform.enrolmentToken,
    brokerUrl,
    dataFolder: join(stateFolder, id),
    modelCacheFolder: join(stateFolder, 'device-models'),
    source,
    framesPerSecond,
    firstFrame: index * frameStride,
    plan,
    maxFrames,
    processorFactor,
    logLevel,
  });
  const begin = toEnvironment({ announceReady: true, waitForStart: true });
  return {
    name: id,
    script: mainScript('device-agent'),
    environment: { ...environment, ...begin },
    // After a crash it goes on by itself.
    environmentAfter: () => toEnvironment({ waitForStart: false }),
    onLine: (line) => receive(line, options),
    log,
  };
}

function receive(line: string, { onResult, onFailure, log }: FleetOptions): void {
  try {
    const told = frameLineParser.parseJson(line);
    if ('failed' in told) onFailure?.(told);
    else onResult(told);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'a device printed something that is no result');
  }
}
