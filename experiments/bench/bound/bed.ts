import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureKeys } from '../../../control-plane/keys.ts';
import type { Plan } from '../../../shared/planner/plan.ts';
import { signToken } from '../../../shared/protocol/access-token.ts';
import type { FrameResult } from '../../../shared/protocol/frame-result.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { KernelLink, LinkEnd } from '../../emulation/kernel-link.ts';
import { measuringPolicy, patientDeadlineMs } from '../../reproduce/measuring-policy.ts';
import type { BenchContext } from '../figure.ts';
import { type CalledProcess, startCalledProcess } from '../processes/called-process.ts';
import { mqttRival } from '../rivals/mqtt-rival.ts';
import {
  type DeviceStart,
  type EdgeStart,
  edgePortsParser,
  frameResultParser,
  nothingParser,
  type RivalFrame,
  rivalTimeParser,
} from './bed-messages.ts';
import { type Exchange, type ExchangeTimes, exchangeTimesParser } from './exchange.ts';

/** A platform as it ships, what it is compared with, and a device at the other end of a link. */
export interface Bed {
  /** One at a time. */
  openDevice(processorFactor: number): Promise<BedDevice>;
  /** Gives the link another rate, Mbit/s; null: as fast as it is. */
  shape(mbps: number | null): Promise<void>;
  close(): Promise<void>;
}

export interface BedDevice {
  /** As topics name them. */
  readonly members: { device: string; worker: string };
  /** Runs frames until both sides have loaded a plan's segments; null: until the device runs what it holds for best. */
  prepare(plan: Plan | null): Promise<void>;
  /**
   * Runs one frame of the platform; null: by the plan that the device makes.
   * @throws {FleetError} `experiment-failed` where it is run by another plan than this, or falls back, again and again
   */
  frame(plan: Plan | null): Promise<FrameResult>;
  /** Tells both ends what the next exchanges are. */
  expect(exchange: Exchange): Promise<void>;
  exchange(exchange: Exchange): Promise<ExchangeTimes>;
  /** @returns from image to label, ms */
  rival(frame: RivalFrame): Promise<number>;
  close(): Promise<void>;
}

export interface BedOptions {
  context: BenchContext;
  /** Keeps profiles and credentials from one bed to the next. */
  folder: string;
  /** Between device and edge; null: all on this machine's loopback, which must come first in a folder. */
  link: KernelLink | null;
}

const model = 'branchy-alexnet-32';
const loopback: LinkEnd = { address: '127.0.0.1', launcher: [] };
/** Loading a plan and reaching the worker take a second or two. */
const patienceMs = 120_000;
const attempts = 3;

/** What the bound is measured under: any plan may be forced, and what the device plans itself is as accurate as can be. */
const policy = { ...measuringPolicy, accuracyTolerance: 0.005, deadlineMs: patientDeadlineMs };

export async function openBed({ context, folder, link }: BedOptions): Promise<Bed> {
  const ends = link ?? { device: loopback, edge: loopback };
  const stateFolder = join(folder, 'platform');
  const place = { host: ends.edge.address, launcher: ends.edge.launcher };
  const platform = await context.startPlatform(stateFolder, place);
  const edge = startCalledProcess({ script: scriptOf('edge'), launcher: ends.edge.launcher });
  const close = async (): Promise<void> => {
    await edge.stop();
    await platform.stop();
  };
  try {
    if (link === null) await platform.changePolicy(policy);
    const { privateKey } = ensureKeys(join(stateFolder, 'control-plane'));
    const token = signToken(privateKey, { role: 'worker', id: mqttRival.worker });
    const starting: EdgeStart = { model, host: ends.edge.address, brokerUrl: platform.brokerUrl, token };
    const ports = await edge.call('start', starting, edgePortsParser);
    return {
      openDevice: (processorFactor) =>
        openDevice({
          edge,
          launcher: ends.device.launcher,
          // Over the link nobody but the device reaches the control plane: what it needs to know was measured before.
          untilConfigured: link === null ? platform.untilConfigured : async () => undefined,
          start: {
            model,
            processorFactor,
            id: deviceId(processorFactor),
            edgeHost: ends.edge.address,
            edge: ports,
            controlPlaneUrl: platform.httpUrl,
            brokerUrl: platform.brokerUrl,
            enrolmentToken: platform.enrolmentToken,
            dataFolder: join(folder, deviceId(processorFactor)),
            token: signToken(privateKey, { role: 'device', id: mqttRival.device }),
          },
        }),
      shape: async (mbps) => link?.shape(mbps),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of the device that is measured; its class is the factor's. */
function deviceId(processorFactor: number): string {
  return `bench-${processorFactor}`;
}

function scriptOf(end: 'device' | 'edge'): string {
  return fileURLToPath(new URL(`./${end}/main.js`, import.meta.url));
}

interface DeviceOptions {
  edge: CalledProcess;
  launcher: readonly string[];
  untilConfigured: (id: string) => Promise<void>;
  start: DeviceStart;
}

async function openDevice({ edge, launcher, untilConfigured, start }: DeviceOptions): Promise<BedDevice> {
  const device = startCalledProcess({ script: scriptOf('device'), launcher });
  try {
    await device.call('start', start, nothingParser);
    await untilConfigured(start.id);
  } catch (error) {
    await device.stop();
    throw error;
  }
  const run = (plan: Plan | null): Promise<FrameResult> => device.call('frame', plan, frameResultParser);
  const prepare = (plan: Plan | null): Promise<void> => runUntilReady(run, plan);
  return {
    members: { device: start.id, worker: 'worker-1' },
    prepare,
    frame: (plan) => (plan === null ? run(plan) : runForced(run, plan)),
    async expect(exchange) {
      await edge.call('expect', exchange, nothingParser);
      await device.call('load', exchange, nothingParser);
    },
    exchange: (exchange) => device.call('bare', exchange, exchangeTimesParser),
    rival: async (frame) => (await device.call('rival', frame, rivalTimeParser)).latencyMs,
    close: device.stop,
  };
}

type Run = (plan: Plan | null) => Promise<FrameResult>;

/** Plans are loaded when they are first wanted; until then frames are run by others. */
async function runUntilReady(run: Run, plan: Plan | null): Promise<void> {
  const endMs = performance.now() + patienceMs;
  const wanted = plan === null ? 'best' : 'forced';
  for (let result = await run(plan); result.planned !== wanted; result = await run(plan)) {
    if (performance.now() > endMs) throw notRun(result);
  }
}

/** A worker that was taken for gone for a moment must not end an hour's measurement. */
async function runForced(run: Run, plan: Plan): Promise<FrameResult> {
  let result = await run(plan);
  for (let attempt = 1; attempt < attempts && !isRunAsForced(result); attempt += 1) {
    await runUntilReady(run, plan);
    result = await run(plan);
  }
  if (!isRunAsForced(result)) throw notRun(result);
  return result;
}

function isRunAsForced({ planned, fallback }: FrameResult): boolean {
  return planned === 'forced' && fallback === null;
}

function notRun(result: FrameResult): FleetError {
  return new FleetError('experiment-failed', `not run as wanted: ${JSON.stringify(result)}`);
}
