import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCache } from '../shared/adapters/model-cache.ts';
import { traceShapesAside } from '../shared/adapters/trace-shapes-aside.ts';
import type { ModelPackage } from '../shared/model/model-package.ts';
import { openBatch } from '../shared/model/open-batch.ts';
import { serializeWhole } from '../shared/model/serialize-model.ts';
import { writeAtomically } from '../shared/model/write-atomically.ts';
import { type Reported, type WorkerConfiguration, workerConfigurationParser } from '../shared/protocol/messages.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { FleetError, isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import { fullJitterDelayMs } from '../shared/runtime/retry.ts';
import type { Profiler } from './profiler.ts';
import type { Retirement } from './retirement.ts';
import type { SegmentSessions } from './segment-sessions.ts';
import { describeServedModel, type ServedModel, type ServedModels, segmentOf } from './served-models.ts';

export interface ConfiguratorOptions {
  folder: string;
  cache: ModelCache;
  models: ServedModels;
  sessions: Pick<SegmentSessions, 'prepare'>;
  retirement: Pick<Retirement, 'keepOnly'>;
  profiler: Pick<Profiler, 'request'>;
  report(state: Pick<Reported, 'version' | 'modelDigest' | 'state' | 'error'>): void;
  clock: Clock;
  log: Log;
  random?: () => number;
}

/**
 * Brings the worker to the state that its configuration wants.
 * INVARIANTS: one configuration is applied at a time, and the newest one wins; a model that cannot be had does not
 * keep the others from being served, and one that is wanted no longer goes on until its devices have left it; what was
 * applied is kept on disk, for a start without control plane and broker.
 */
export interface Configurator {
  /** Version in force or being applied, 0 for none. */
  readonly version: number;
  /** Begins to apply the configuration of the last run, if there was one. */
  resume(): Promise<void>;
  /** @param json a desired configuration as it arrived @throws {FleetError} `message-invalid` */
  accept(json: Uint8Array): void;
  close(): Promise<void>;
}

const maxRetryMs = 30_000;

export function createConfigurator(options: ConfiguratorOptions): Configurator {
  const { models, retirement, clock, log, random = Math.random } = options;
  const path = join(options.folder, 'configuration.json');
  let current: WorkerConfiguration | undefined;
  let received = 0;
  let superseded = new AbortController();
  let chain = Promise.resolve();
  let cancelRetry = (): void => {};

  function apply(configuration: WorkerConfiguration, failures = 0): void {
    current = configuration;
    superseded.abort();
    superseded = new AbortController();
    cancelRetry();
    const { signal } = superseded;
    chain = chain
      .then(() => (signal.aborted ? undefined : reach(configuration, failures, signal)))
      .catch((error) => fail(configuration, failures, error));
  }

  async function reach(configuration: WorkerConfiguration, failures: number, signal: AbortSignal): Promise<void> {
    const { version } = configuration;
    if (failures === 0) options.report({ version, modelDigest: firstServed(configuration), state: 'starting' });
    const digests = [...new Set(configuration.models.map(({ digest }) => digest))];
    retirement.keepOnly(digests);
    const outcomes = await Promise.allSettled(digests.map((digest) => serve(options, digest, signal)));
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (signal.aborted) return;
    const [error] = errors;
    if (error !== undefined) return fail(configuration, failures, error);
    await writeAtomically(path, `${JSON.stringify(configuration)}\n`);
    log.info({ version, models: configuration.models.length }, 'configuration applied');
    options.report({ version, modelDigest: firstServed(configuration), state: 'ready' });
    options.profiler.request(configuration.profilesRequested.flatMap((digest) => models.get(digest) ?? []));
  }

  function fail(configuration: WorkerConfiguration, failures: number, error: unknown): void {
    const code = isFleetError(error) ? error.code : 'inference-failed';
    const { version } = configuration;
    log.error({ version, code, reason: messageOf(error) }, 'configuration not reached');
    options.report({ version, modelDigest: firstServed(configuration), state: 'failed', error: code });
    // Anything else fails the same way again: only another configuration helps.
    if (code !== 'http-failed') return;
    const delayMs = fullJitterDelayMs(failures + 4, maxRetryMs, random);
    cancelRetry = clock.after(delayMs, () => apply(configuration, failures + 1));
  }

  function firstServed({ models: wanted }: WorkerConfiguration): string | null {
    return wanted.find(({ digest }) => models.get(digest) !== undefined)?.digest ?? null;
  }

  return {
    get version() {
      return current?.version ?? 0;
    },
    async resume() {
      const kept = await readFile(path).catch(() => undefined);
      if (kept === undefined) return;
      try {
        apply(workerConfigurationParser.parseJson(kept));
      } catch (error) {
        // The control plane sends it again on connect.
        log.warn({ reason: messageOf(error) }, 'kept configuration not used');
      }
    },
    accept(json) {
      const configuration = workerConfigurationParser.parseJson(json);
      // Versions rise within one control plane's life; the kept one may be from an earlier life.
      if (configuration.version <= received) return;
      received = configuration.version;
      if (JSON.stringify(configuration) !== JSON.stringify(current)) apply(configuration);
    },
    async close() {
      superseded.abort();
      cancelRetry();
      await chain;
    },
  };
}

/** Has one model loaded so far that every exit can be finished from the input. */
async function serve(
  { models, sessions, cache, log }: ConfiguratorOptions,
  digest: string,
  signal: AbortSignal,
): Promise<void> {
  const model = models.get(digest) ?? (await describe(await cache.get({ digest }, signal), log));
  if (signal.aborted) return;
  models.add(model);
  const branches = model.exits.map((_, index) =>
    segmentOf(model, { exit: index + 1, partition: 0, direction: 'device-first' }),
  );
  const whole = await Promise.all(branches.map((segment) => segment === undefined || sessions.prepare(segment)));
  if (!whole.every(Boolean)) throw new FleetError('inference-failed', `${digest}: not every exit could be loaded`);
}

/** Accuracies and labels may be renewed in a manifest: they mean nothing to a worker. */
async function describe({ graph, bytes, manifest }: ModelPackage, log: Log): Promise<ServedModel> {
  const { digest, preprocessing } = manifest;
  const open = openBatch(graph);
  if (open === undefined) return describeServedModel(digest, graph, await traceShapesAside(bytes), preprocessing);
  try {
    return describeServedModel(digest, open, await traceShapesAside(serializeWhole(open)), preprocessing);
  } catch (error) {
    log.info({ model: digest, reason: messageOf(error) }, 'model runs at batch 1 only');
    return describeServedModel(digest, graph, await traceShapesAside(bytes), preprocessing);
  }
}
