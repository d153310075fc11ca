import { join } from 'node:path';
import { createDeviceAgent, type DeviceAgent } from '../../device-agent/agent.ts';
import { type DeviceConfig, DeviceConfigSchema } from '../../device-agent/config.ts';
import { type BandwidthTrace, constantTrace, rateAt } from '../../shared/planner/bandwidth-trace.ts';
import type { Plan } from '../../shared/planner/plan.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import type { Policy } from '../../shared/protocol/messages.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { readConfig, toEnvironment } from '../../shared/runtime/config.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { createShapedLink, type ShapedLink } from '../emulation/shaped-link.ts';
import { measuringPolicy } from './measuring-policy.ts';
import type { Factors, ModelName } from './settings.ts';

/** Where frames are run: which model, between which processors. */
export interface Place {
  model: ModelName;
  factors: Factors;
}

export type PolicyChange = Partial<Omit<Policy, 'name' | 'version'>>;

/** Broker, control plane and one worker as real processes; the worker serves, and measures nothing. */
export interface OperatedPlatform {
  httpUrl: string;
  brokerUrl: string;
  enrolmentToken: string;
  /** Makes a new version of the policy. */
  changePolicy(change: PolicyChange): Promise<void>;
  /** Resolves when this device runs its newest configuration, with the profiles of both sides. */
  untilConfigured(id: string): Promise<void>;
  stop(): Promise<void>;
}

export interface PlatformRequest {
  /** Kept between runs: profiles and credentials. */
  stateFolder: string;
  model: ModelName;
  workerFactor: number;
}
export type StartPlatform = (request: PlatformRequest) => Promise<OperatedPlatform>;

/** Frames that are run one after the other under the same conditions. */
export interface MeasuredRun {
  link: BandwidthTrace;
  policy: Pick<Policy, 'deadlineMs'> & Partial<PolicyChange>;
  /** The only plan that is allowed; absent: the device plans. */
  plan?: Plan;
  /** Small frames sent first where the link or the policy is another than before: the device learns the rate now. */
  settleFrames: number;
  frames: number;
}

/** Frames that the device plans itself while the link follows a trace from its beginning. */
export interface TraceRun {
  trace: BandwidthTrace;
  policy: MeasuredRun['policy'];
  /** From one frame's arrival to the next one's at least, ms. */
  periodMs: number;
  durationMs: number;
  /** Frames at the rate that the trace begins with, of the same period: the device learns it. */
  settleFrames: number;
}

/** A real platform and a real device, a link between them whose rate can be changed. */
export interface TestBed {
  /** @throws {FleetError} `experiment-failed` where the plan cannot be run, `http-failed`, `process-failed` */
  measure(run: MeasuredRun): Promise<FrameResult[]>;
  /** @throws {FleetError} `experiment-failed`, `http-failed`, `process-failed` */
  follow(run: TraceRun): Promise<FrameResult[]>;
  close(): Promise<void>;
}

/** Round trip that the emulated link adds, ms: about a wireless network's. */
export const linkRttMs = 4;

/** What is not asked for: an earlier run on the same state may have left something else. */
const deviceId = 'bed';
/** Loading a plan and reaching the worker take a second or two; slow frames take more. */
const patienceMs = 120_000;
/** What a link that begins with a stall is settled at, Mbit/s. */
const leastMbps = 0.1;
/** Both sides profile the model before the first frame: over a fast link. */
const startMbps = 100;

/** Starts everything; the first start in a folder profiles the model on both sides. */
export async function startTestBed(place: Place, folder: string, startPlatform: StartPlatform): Promise<TestBed> {
  const { model, factors } = place;
  const stateFolder = join(folder, `${model}-${factors.device}-${factors.worker}`);
  const platform = await startPlatform({ stateFolder, model, workerFactor: factors.worker });
  const link = createShapedLink({
    trace: constantTrace(startMbps),
    traceOffsetMs: 0,
    rttMs: linkRttMs,
    target: { host: '127.0.0.1', port: Number(new URL(platform.brokerUrl).port) },
    clock: systemClock,
  });
  const frames: { plan: Plan | undefined; last: FrameResult | undefined } = { plan: undefined, last: undefined };
  let agent: DeviceAgent | undefined;
  const close = async (): Promise<void> => {
    await agent?.stop();
    await link.close();
    await platform.stop();
  };
  try {
    const brokerUrl = `mqtt://127.0.0.1:${await link.listen()}`;
    agent = await createDeviceAgent({
      config: deviceConfig({ place, stateFolder, brokerUrl, platform }),
      clock: systemClock,
      log: createLog('reproduce', 'error'),
      forcedPlan: () => frames.plan,
      onResult: (result) => {
        frames.last = result;
      },
    });
    await agent.start();
    await platform.untilConfigured(deviceId);
    return { ...measurer({ agent, link, platform, frames }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface DeviceSurroundings {
  place: Place;
  stateFolder: string;
  brokerUrl: string;
  platform: OperatedPlatform;
}

/** One frame a run, so that every next one can be run otherwise. */
function deviceConfig({ place, stateFolder, brokerUrl, platform }: DeviceSurroundings): DeviceConfig {
  return readConfig(
    DeviceConfigSchema,
    toEnvironment({
      id: deviceId,
      controlPlaneUrl: platform.httpUrl,
      brokerUrl,
      enrolmentToken: platform.enrolmentToken,
      dataFolder: join(stateFolder, 'device'),
      processorFactor: place.factors.device,
      framesPerSecond: 1000,
      maxFrames: 1,
    }),
  );
}

interface Parts {
  agent: DeviceAgent;
  link: ShapedLink;
  platform: OperatedPlatform;
  frames: { plan: Plan | undefined; last: FrameResult | undefined };
}

function measurer({ agent, link, platform, frames }: Parts): Omit<TestBed, 'close'> {
  let policy = '';
  let conditions = '';

  async function adopt(wanted: MeasuredRun['policy']): Promise<void> {
    if (policy === JSON.stringify(wanted)) return;
    await platform.changePolicy({ ...measuringPolicy, ...wanted });
    await platform.untilConfigured(deviceId);
    policy = JSON.stringify(wanted);
  }

  async function settle(run: MeasuredRun): Promise<void> {
    const wanted = JSON.stringify([run.link, run.policy]);
    if (conditions === wanted) return;
    link.follow(run.link);
    frames.plan = settlingPlan(run);
    for (let i = 0; i < run.settleFrames; i += 1) await nextFrame();
    conditions = wanted;
  }

  async function nextFrame(): Promise<FrameResult> {
    await agent.run();
    if (frames.last === undefined) throw new FleetError('experiment-failed', 'a frame came to nothing');
    return frames.last;
  }

  async function measure(run: MeasuredRun): Promise<FrameResult[]> {
    await adopt(run.policy);
    await settle(run);
    frames.plan = run.plan;
    const endMs = systemClock.nowMs() + patienceMs;
    let result = await nextFrame();
    while (!isAsWanted(result, run)) {
      if (systemClock.nowMs() > endMs) throw new FleetError('experiment-failed', `not run: ${JSON.stringify(result)}`);
      result = await nextFrame();
    }
    const results: FrameResult[] = [];
    while (results.length < run.frames) results.push(await nextFrame());
    return results;
  }

  async function paced(periodMs: number): Promise<FrameResult> {
    const dueMs = systemClock.nowMs() + periodMs;
    const result = await nextFrame();
    await new Promise<void>((resolve) => systemClock.after(Math.max(0, dueMs - systemClock.nowMs()), resolve));
    return result;
  }

  async function follow({ trace, policy: wanted, ...run }: TraceRun): Promise<FrameResult[]> {
    await adopt(wanted);
    conditions = '';
    link.follow(constantTrace(Math.max(leastMbps, rateAt(trace, 0))));
    frames.plan = settlingPlan({ policy: wanted });
    for (let i = 0; i < run.settleFrames; i += 1) await paced(run.periodMs);
    frames.plan = undefined;
    link.follow(trace);
    const endMs = systemClock.nowMs() + run.durationMs;
    const results: FrameResult[] = [];
    while (systemClock.nowMs() < endMs) results.push(await paced(run.periodMs));
    return results;
  }

  return { measure, follow };
}

/** Little to send and every worker has it loaded: the device learns the rate from it in little time. */
function settlingPlan({ policy: { encodings } }: Pick<MeasuredRun, 'policy'>): Plan {
  const encoding = encodings === undefined || encodings.includes('u8') ? 'u8' : (encodings[0] ?? 'f32');
  return { exit: 1, partition: 0, direction: 'device-first', encoding };
}

/** Plans are loaded when they are first wanted; until then frames are run by others. */
function isAsWanted({ planned }: FrameResult, { plan }: MeasuredRun): boolean {
  return planned === (plan === undefined ? 'best' : 'forced');
}
