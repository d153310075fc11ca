import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createProfileDrafts } from '../shared/adapters/profile-drafts.ts';
import type { ModelPackage } from '../shared/model/model-package.ts';
import { readPackage } from '../shared/model/model-package.ts';
import { planLocal } from '../shared/planner/algorithm-1.ts';
import { type DeviceConfiguration, deviceConfigurationParser } from '../shared/protocol/messages.ts';
import type { LatencyTable } from '../shared/protocol/profile.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLog, type Log } from '../shared/runtime/log.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { policy } from '../shared/testing/typical-messages.ts';
import { createConfigurationFollower } from './configuration-follower.ts';
import { openConfigurationStore } from './configuration-store.ts';

const silent = createLog('device-agent', 'silent');

/** Every layer of every exit takes 1 ms. */
function predictedTable({ manifest }: ModelPackage): LatencyTable {
  const timing = (layers: number) => ({ medianMs: layers, p90Ms: layers });
  const exits = manifest.exits.map(({ name, nodes }) => {
    const head = Array.from({ length: nodes + 1 }, (_, layers) => timing(layers));
    return { name, head, tail: head.toReversed() };
  });
  const fit = { observations: 100, medianError: 0.05, p90Error: 0.2 };
  return { hardwareClass: 'pi-4', exits, source: 'predicted', extrapolated: true, fit };
}

function configurationOf({ manifest }: ModelPackage, deviceProfile: LatencyTable): DeviceConfiguration {
  const { name, version, digest } = manifest;
  return deviceConfigurationParser.parse({
    schema: 1,
    version: 1,
    issuedAt: '2020-01-01T00:00:00.000Z',
    model: { name, version, digest },
    policy,
    worker: null,
    deviceProfile,
    profileRequested: false,
  });
}

async function startFollower(model: ModelPackage, renewed = model, log: Log = silent) {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-follower-'));
  const states: string[] = [];
  const reports = new EventEmitter();
  const follower = createConfigurationFollower({
    store: openConfigurationStore(folder, log),
    cache: { get: async ({ manifestDigest }) => (manifestDigest === renewed.manifestDigest ? renewed : model) },
    workerLink: {
      reachable: () => undefined,
      use: () => undefined,
      observeOutcome: () => undefined,
      isPrepared: () => false,
      prepare: () => undefined,
      start: () => undefined,
      stop: () => undefined,
    },
    client: { putProfile: async () => undefined },
    processorFactor: 1,
    profileRuns: 1,
    profileBudgetMs: 1000,
    profileDrafts: createProfileDrafts({ folder, clock: systemClock, log }),
    report: ({ version, state }) => {
      states.push(`${version} ${state}`);
      reports.emit(`${version} ${state}`);
    },
    onInForce: ({ version }) => states.push(`${version} in force`),
    clock: systemClock,
    log,
  });
  onTestFinished(async () => {
    await follower.close();
    await rm(folder, { recursive: true });
  });
  /** Offers a configuration. @returns when it is reported as ready */
  const apply = async (configuration: DeviceConfiguration): Promise<void> => {
    const ready = once(reports, `${configuration.version} ready`);
    follower.offer(Buffer.from(JSON.stringify(configuration)));
    await ready;
  };
  return { follower, states, apply };
}

test('a device whose class has only a predicted table serves at once and plans by it', async () => {
  const model = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
  const { follower, states } = await startFollower(model);
  follower.offer(Buffer.from(JSON.stringify(configurationOf(model, predictedTable(model)))));
  await follower.ready();
  expect(states).toEqual(['1 starting', '1 in force', '1 ready']);
  const { plans, configuration } = follower.situation();
  expect(configuration.deviceProfile).toMatchObject({ source: 'predicted', extrapolated: true });
  if (plans === undefined) throw new Error('there is nothing to plan with');
  const base = { policy: configuration.policy, processorFactor: 1, encodeNs: { f32: 1, f16: 1, u8: 1 } };
  const planned = planLocal({ ...base, plans, offload: null, decodeNs: base.encodeNs }, 100);
  expect(planned?.prediction.breakdownMs.device).toBe(model.manifest.exits.at(-1)?.nodes);
});

test('a manifest that is renewed under the same model comes into force; one that cannot be had leaves it as it is', async () => {
  const model = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
  const labels = model.manifest.labels.map((label) => `${label}!`);
  const manifestDigest = `sha256:${'1'.repeat(64)}`;
  const renewed: ModelPackage = { ...model, manifest: { ...model.manifest, labels }, manifestDigest };
  const { follower, apply } = await startFollower(model, renewed);
  const configured = (version: number, named: string): DeviceConfiguration => {
    const configuration = configurationOf(model, predictedTable(model));
    return { ...configuration, version, model: { ...configuration.model, manifestDigest: named } };
  };
  await apply(configured(1, model.manifestDigest));
  const first = follower.situation().model;
  await apply(configured(2, `sha256:${'0'.repeat(64)}`));
  expect(follower.situation().model).toBe(first);
  await apply(configured(3, manifestDigest));
  expect(follower.situation().model.package.manifest.labels).toEqual(labels);
});

test('early exits for a loss that the model in force was not calibrated for are warned of; the device serves all the same', async () => {
  const model = await readPackage(repositoryFile('models', 'branchy-alexnet-32'));
  const lines: string[] = [];
  const { follower, apply } = await startFollower(
    model,
    model,
    pino({ level: 'warn' }, { write: (line) => void lines.push(line) }),
  );
  const configured = (version: number, accuracyLoss: number): DeviceConfiguration => {
    const configuration = configurationOf(model, predictedTable(model));
    return { ...configuration, version, policy: { ...configuration.policy, earlyExit: { accuracyLoss } } };
  };
  await apply(configured(1, 0.005));
  expect(lines).toEqual([]);
  await apply(configured(2, 0.001));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { code: 'early-exit-uncalibrated', accuracyLoss: 0.001 },
  ]);
  expect(follower.situation().configuration.version).toBe(2);
});
