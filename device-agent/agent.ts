import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { namedBroker } from '../shared/adapters/broker-follower.ts';
import { createControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import { createModelCache, type ModelCache } from '../shared/adapters/model-cache.ts';
import { createProfileDrafts } from '../shared/adapters/profile-drafts.ts';
import { hardwareClass } from '../shared/adapters/profile-model.ts';
import { obtainCredentials } from '../shared/adapters/stored-credentials.ts';
import { parseForcedPlan, requirePlanOf } from '../shared/planner/forced-plan.ts';
import type { Plan } from '../shared/planner/plan.ts';
import type { FrameFailure, FrameResult } from '../shared/protocol/frame-result.ts';
import { deviceTopic } from '../shared/protocol/topics.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import { measureCodecNs } from './codec-timing.ts';
import type { DeviceConfig } from './config.ts';
import { createConfigurationFollower } from './configuration-follower.ts';
import { openConfigurationStore } from './configuration-store.ts';
import { connectDevice } from './connections.ts';
import { createCorrector } from './corrector.ts';
import { createDecisionKeeping } from './decision-keeping.ts';
import { createForcedPlanWarning } from './forced-plan-warning.ts';
import { runFrames } from './frame-loop.ts';
import { createLinkMonitor } from './link-monitor.ts';
import { createLocalTiming } from './local-timing.ts';
import { createOffloadClient } from './offload.ts';
import type { FrameSource } from './sources/frame-source.ts';
import { openFrameSource } from './sources/open-frame-source.ts';
import { openTelemetry } from './telemetry/telemetry.ts';
import { within } from './within.ts';
import { createWorkerLink } from './worker-link.ts';

/** One device: follows its configuration, runs frames, reports. */
export interface DeviceAgent {
  /** Connects, and waits until it has a configuration, a profile and, if one is placed, a worker that answers. */
  start(): Promise<void>;
  /**
   * Runs frames until the source ends, `maxFrames` are done or `stop` is called.
   * @returns how many
   * @throws {FleetError} `model-unknown-exit`, `partition-out-of-range` where the model has no plan that the settings force
   */
  run(): Promise<number>;
  stop(): Promise<void>;
}

export interface DeviceAgentOptions {
  config: DeviceConfig;
  clock: Clock;
  log: Log;
  onResult: (result: FrameResult) => void;
  /** Told instead of `onResult` where a frame came to nothing, which is logged in any case. */
  onFailure?: (failure: FrameFailure) => void;
  /** Asked before each frame; absent: what the configuration forces, if anything. */
  forcedPlan?: () => Partial<Plan> | undefined;
}

/** How often counts and bandwidth samples are reported, ms. */
const reportMs = 1000;
/** How long a broker that may be gone is waited for when the device stops, ms. */
const farewellMs = 1000;
/** How long a device waits for a worker before it begins on its own, ms. */
const workerPatienceMs = 15_000;
/** How often a device that has nothing to run yet asks for its configuration, ms: no lost message may keep it waiting. */
const askAgainMs = 5000;

export async function createDeviceAgent(options: DeviceAgentOptions): Promise<DeviceAgent> {
  const { config, clock, log } = options;
  const parts = await assemble(options);
  const { connections, follower, workerLink, telemetry, keeping } = parts;
  const configuredPlan = config.plan === undefined ? undefined : parseForcedPlan(config.plan);
  let source: FrameSource | undefined;
  let stopping = false;
  let cancelReport = (): void => undefined;
  let cancelAsking = (): void => undefined;

  function askUntilReady(): void {
    cancelAsking = clock.after(askAgainMs, () => {
      connections.requestConfiguration();
      askUntilReady();
    });
  }

  function reportSoon(): void {
    cancelReport = clock.after(reportMs, () => {
      reportSoon();
      void telemetry.flush();
    });
  }

  function emit(result: FrameResult): void {
    telemetry.record(result);
    options.onResult(result);
    if (config.publishResults) {
      connections.control.publish(deviceTopic(config.id, 'results'), [Buffer.from(JSON.stringify(result))]);
    }
  }

  return {
    async start() {
      workerLink.start();
      reportSoon();
      askUntilReady();
      await follower.ready();
      cancelAsking();
      await untilReachable(follower.expectsWorker, () => workerLink.reachable() !== undefined, clock);
    },
    async run() {
      const { model } = follower.situation();
      if (config.plan !== undefined) requirePlanOf(model.package.manifest, config.plan);
      source = await openFrameSource({ ...config, manifest: model.package.manifest, clock, log });
      if (stopping) return 0;
      return runFrames({
        ...parts,
        device: config.id,
        source,
        situation: follower.situation,
        codecNs: measureCodecNs(clock),
        processorFactor: config.processorFactor,
        configurator: keeping.configurator,
        onDecision: keeping.onDecision,
        forcedPlan: options.forcedPlan ?? (() => configuredPlan),
        onForcedPlanLeftOut: createForcedPlanWarning(log),
        maxFrames: config.maxFrames,
        onResult: emit,
        onLateReply: telemetry.countLateReply,
        onFailure: options.onFailure ?? (() => undefined),
        clock,
        log,
      });
    },
    async stop() {
      stopping = true;
      cancelReport();
      cancelAsking();
      await source?.close();
      // A disk that hangs does not keep the process.
      await within(clock, 2 * farewellMs, telemetry.close(farewellMs));
      await closeParts(parts, clock);
    },
  };
}

/** Registers if need be, connects, and puts the agent's parts together. */
async function assemble({ config, clock, log }: DeviceAgentOptions) {
  const boot = randomInt(1, 2 ** 32);
  const client = createControlPlaneClient(clientOptions(config));
  const credentials = await obtainCredentials({
    folder: config.dataFolder,
    registration: { id: config.id, hardwareClass: hardwareClass(), processorFactor: config.processorFactor },
    register: config.enrolmentToken === undefined ? undefined : client.registerDevice,
    brokerUrl: config.brokerUrl,
  });
  const authorised = createControlPlaneClient({ baseUrl: config.controlPlaneUrl, token: credentials.token });
  const store = openConfigurationStore(config.dataFolder, log);
  const connections = connectDevice({
    credentials,
    boot,
    heldVersion: () => store.current()?.version ?? 0,
    onDesired: (payload) => follower.offer(payload),
    maxReconnectMs: config.maxReconnectMs,
    namedBroker: namedBroker(config, credentials.token, clock),
    log,
  });
  const { control, data } = connections;
  const keeping = createDecisionKeeping({
    device: config.id,
    dataFolder: config.dataFolder,
    limit: config.decisions,
    clock,
    log,
  });
  const monitor = createLinkMonitor(clock, keeping.configurator.observe);
  const offload = createOffloadClient({ device: config.id, boot, connection: data, clock, log });
  const workerLink = createWorkerLink({ offload, monitor, clock });
  const corrector = createCorrector((drift) => {
    log.warn({ drift }, 'times are far from the profile: it should be measured again');
    connections.reportDrift(drift);
  });
  const follower = createConfigurationFollower({
    store,
    cache: modelCache(config, authorised),
    workerLink,
    client: authorised,
    processorFactor: config.processorFactor,
    profileRuns: config.profileRuns,
    profileBudgetMs: config.profileBudgetMs,
    profileDrafts: createProfileDrafts({ folder: join(config.dataFolder, 'profiling'), clock, log }),
    report: connections.report,
    onInForce: corrector.use,
    clock,
    log,
  });
  // What comes before it is open is not lost: a configuration may be there as soon as the connection is.
  const telemetry = await openTelemetry({ config, boot, connection: control, monitor, clock, log });
  offload.onLateReply((late, { kind, plan, status }) => {
    // However late, it shows that the worker is there.
    workerLink.observeOutcome('answered');
    monitor.observe('passive', late);
    corrector.learnLate(plan, late.report);
    if (kind === 'request' && status === 'ok') telemetry.countLateReply();
  });
  return {
    connections,
    follower,
    monitor,
    offload,
    workerLink,
    telemetry,
    keeping,
    corrector,
    localTiming: createLocalTiming(clock),
  };
}

async function closeParts(parts: Awaited<ReturnType<typeof assemble>>, clock: Clock): Promise<void> {
  const { connections, follower, offload, workerLink, keeping } = parts;
  workerLink.stop();
  offload.close();
  await follower.close();
  await keeping.close();
  await within(clock, farewellMs, connections.sayGoodbye());
  await connections.close();
}

function clientOptions(config: DeviceConfig): { baseUrl: string; enrolmentToken?: string } {
  const base = { baseUrl: config.controlPlaneUrl };
  return config.enrolmentToken === undefined ? base : { ...base, enrolmentToken: config.enrolmentToken };
}

function modelCache(config: DeviceConfig, source: ReturnType<typeof createControlPlaneClient>): ModelCache {
  return createModelCache({ folder: config.modelCacheFolder ?? join(config.dataFolder, 'models'), source });
}

async function untilReachable(expected: () => boolean, reachable: () => boolean, clock: Clock): Promise<void> {
  const endMs = clock.nowMs() + workerPatienceMs;
  while (expected() && !reachable() && clock.nowMs() < endMs) {
    await new Promise<void>((resolve) => clock.after(50, resolve));
  }
}
