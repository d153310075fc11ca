import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { namedBroker } from '../shared/adapters/broker-follower.ts';
import { createControlPlaneClient } from '../shared/adapters/control-plane-client.ts';
import { type InferenceThread, startInferenceThread } from '../shared/adapters/inference-thread.ts';
import { createModelCache } from '../shared/adapters/model-cache.ts';
import { createProfileDrafts } from '../shared/adapters/profile-drafts.ts';
import { batchBytes } from '../shared/adapters/session-memory.ts';
import { obtainCredentials } from '../shared/adapters/stored-credentials.ts';
import type { ChunkMessage } from '../shared/protocol/chunking.ts';
import type { Credentials } from '../shared/protocol/http.ts';
import { createReassembler } from '../shared/protocol/reassembly.ts';
import { type Clock, systemClock } from '../shared/runtime/clock.ts';
import type { Log } from '../shared/runtime/log.ts';
import { type Arrival, createAnswers } from './answers.ts';
import { type EdgeWorkerConfig, threadCount } from './config.ts';
import { type Configurator, createConfigurator } from './configurator.ts';
import { createCounters } from './counters.ts';
import { createDispatcher } from './dispatcher.ts';
import { createImageInputs } from './image-inputs.ts';
import { createLinks, type Links } from './links.ts';
import { createLoadReport } from './load-report.ts';
import { createProfiler, type Profiler } from './profiler.ts';
import { createRequests } from './requests.ts';
import { createRetirement } from './retirement.ts';
import { createSegmentSessions, type SegmentSessions } from './segment-sessions.ts';
import { createService } from './serve.ts';
import { createServedModels, type ServedModels } from './served-models.ts';
import { createStateReport, type StateReport } from './state-report.ts';
import { every, within } from './timing.ts';
import { workerClass } from './worker-class.ts';

export interface EdgeWorkerOptions {
  config: EdgeWorkerConfig;
  log: Log;
  clock?: Clock;
  /** Gives up registering. */
  signal: AbortSignal;
  /** An inference thread has ended by itself: this worker serves no longer. */
  onLost(): void;
  /**
   * How many times slower a processor is emulated, asked before each run. Absent: as the configuration says, which
   * is what the worker registers and is profiled with in any case.
   */
  processorFactor?: () => number;
}

export interface EdgeWorker {
  /** Resolves when the broker knows that this worker is there. */
  readonly ready: Promise<void>;
  /** Finishes what is in flight, says good-bye and lets go of everything. */
  close(): Promise<void>;
}

const loadIntervalMs = 1000;
const expiryIntervalMs = 250;

/** Runs that an inference thread holds at most: the one at hand, and short ones that are handed over ahead. */
const jobsInFlight = 4;

/** How long the last replies may take to leave, ms. */
const farewellMs = 2000;

/** Registers if need be, connects and serves. @throws {FleetError} `config-invalid`, `http-failed` */
export async function startEdgeWorker(options: EdgeWorkerOptions): Promise<EdgeWorker> {
  const { config, log, clock = systemClock } = options;
  const credentials = await obtainCredentialsOf(options, clock);
  const boot = randomInt(1, 2 ** 32);
  const models = createServedModels();
  // Before there is a connection, nothing is sent: the state is sent again on connect.
  let links: Links | undefined;
  const serving = createServing(options, {
    models,
    clock,
    boot,
    publish: (...message) => links?.reply(...message) === true,
  });
  const state = createStateReport(boot, (reported) => links?.report(reported));
  const steering = createSteering(options, { credentials, clock, models, sessions: serving.sessions, state });
  await steering.configurator.resume();
  const connected = createLinks({
    credentials,
    boot,
    onOffload: serving.service.onMessage,
    onDesired: steering.configurator.accept,
    heldVersion: () => steering.configurator.version,
    namedBroker: namedBroker(config, credentials.token, clock),
    log,
  });
  links = connected;
  state.repeat();
  const timers = [
    every(clock, loadIntervalMs, () => connected.load(serving.load.take())),
    every(clock, expiryIntervalMs, serving.service.expireUnfinished),
  ];
  return {
    ready: connected.born,
    async close() {
      serving.service.refuseNew();
      await within(clock, farewellMs, connected.leave());
      await Promise.all([steering.close(), serving.idle()]);
      await within(clock, farewellMs, connected.finish());
      for (const cancel of timers) cancel();
      await connected.close();
      await serving.close();
      log.info({ worker: config.id, ...serving.counters }, 'stopped');
    },
  };
}

function obtainCredentialsOf({ config, signal }: EdgeWorkerOptions, clock: Clock): Promise<Credentials> {
  const { id, controlPlaneUrl: baseUrl, enrolmentToken, brokerUrl } = config;
  const registration = { id, hardwareClass: workerClass(config), threads: threadCount(config) };
  const attempts = Number.POSITIVE_INFINITY;
  const register =
    enrolmentToken === undefined
      ? undefined
      : createControlPlaneClient({ baseUrl, enrolmentToken, attempts, clock }).registerWorker;
  return obtainCredentials({ folder: config.dataFolder, registration, register, brokerUrl, signal });
}

interface ServingOptions {
  models: ServedModels;
  clock: Clock;
  boot: number;
  publish(topic: string, message: ChunkMessage): boolean;
}

/** All that a request passes through. */
function createServing(options: EdgeWorkerOptions, { models, clock, boot, publish }: ServingOptions) {
  const { config, log, onLost } = options;
  const count = threadCount(config);
  const { maxQueued, maxBatch, maxBatchMs } = config;
  const counters = createCounters();
  const threads = startThreads(config, count);
  const handOver = { aheadMs: config.aheadMs, most: jobsInFlight };
  const dispatcher = createDispatcher<Arrival>({ threads: count, maxQueued, handOver, clock });
  const processorFactor = options.processorFactor ?? emulatedFactor(config);
  const sessions = createSegmentSessions({
    ...{ threads, dispatcher, processorFactor, maxBatch, maxBatchMs },
    onThreadLost: onLost,
    clock,
    log,
  });
  const load = createLoadReport({ boot, threads: count, counters, dispatcher, clock });
  const answers = createAnswers({ worker: config.id, counters, publish, clock });
  const requests = createRequests({ sessions, dispatcher, answers, onQueueWait: load.recordWait, clock, log });
  const images = createImageInputs({ requests, answers, maxDecoding: config.maxImageDecodes, clock, log });
  const service = createService({
    models,
    sessions,
    requests,
    images,
    reassembler: createReassembler({
      maxBytesPerSender: config.maxReassemblyBytes,
      maxAgeMs: config.maxReassemblyAgeMs,
      maxLateMs: config.maxReassemblyLateMs,
    }),
    answers,
    counters,
    clock,
    log,
  });
  return {
    service,
    sessions,
    load,
    counters,
    idle: () => images.idle().then(() => dispatcher.idle()),
    close: () => Promise.all(threads.map((thread) => thread.close())),
  };
}

/** The budget for sessions is the worker's: each thread has an equal part. */
function startThreads({ maxSessions, maxSessionBytes, maxBatch }: EdgeWorkerConfig, count: number): InferenceThread[] {
  const budget = { maxSessions, maxSessionBytes: maxSessionBytes / count, bytesBesides: maxBatch > 1 ? batchBytes : 0 };
  return Array.from({ length: count }, () => startInferenceThread({ ...budget, jobsInFlight }));
}

/** @returns undefined where none is emulated */
function emulatedFactor({ processorFactor }: EdgeWorkerConfig): (() => number) | undefined {
  return processorFactor === 1 ? undefined : () => processorFactor;
}

interface SteeringOptions {
  credentials: Credentials;
  clock: Clock;
  models: ServedModels;
  sessions: SegmentSessions;
  state: StateReport;
}

interface Steering {
  configurator: Configurator;
  profiler: Profiler;
  close(): Promise<unknown>;
}

/** All that brings the worker to the state its configuration wants. */
function createSteering({ config, log }: EdgeWorkerOptions, options: SteeringOptions): Steering {
  const { credentials, clock, models, sessions, state } = options;
  const folder = config.dataFolder;
  const controlPlane = createControlPlaneClient({ baseUrl: config.controlPlaneUrl, token: credentials.token, clock });
  const profiler = createProfiler({
    controlPlane,
    hardwareClass: workerClass(config),
    processorFactor: config.processorFactor,
    threads: threadCount(config),
    runs: config.profileRuns,
    budgetMs: config.profileBudgetMs,
    drafts: createProfileDrafts({ folder: join(folder, 'profiling'), clock, log }),
    onChange: state.setProfiling,
    clock,
    log,
  });
  const cache = createModelCache({ folder: join(folder, 'models'), source: controlPlane });
  const { retiredQuietMs: quietMs, retiredLimitMs: limitMs } = config;
  const retirement = createRetirement({ models, unload: sessions.unload, quietMs, limitMs, clock, log });
  const configurator = createConfigurator({
    ...{ folder, cache, models, sessions, retirement, profiler },
    report: state.set,
    clock,
    log,
  });
  const close = (): Promise<unknown> => {
    retirement.close();
    return Promise.all([profiler.close(), configurator.close()]);
  };
  return { configurator, profiler, close };
}
