import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { ModelPackage } from '../shared/model/model-package.ts';
import { credentialsParser } from '../shared/protocol/http.ts';
import type { Reported } from '../shared/protocol/messages.ts';
import { profileParser } from '../shared/protocol/profile.ts';
import { workerTopic } from '../shared/protocol/topics.ts';
import { createLocalRuns, readAlexNet, readResNet } from './testing/models.ts';
import { enrolmentToken, type Platform, startPlatform } from './testing/platform.ts';

let alexNet: ModelPackage;
let resNet: Pick<ModelPackage, 'manifest' | 'bytes' | 'graph'>;
let platform: Platform;

beforeAll(async () => {
  alexNet = await readAlexNet();
  resNet = await readResNet();
});

beforeEach(async () => {
  platform = await startPlatform([alexNet, resNet]);
});

afterEach(() => platform.close());

function onlyModel({ manifest: { name, version, digest } }: Pick<ModelPackage, 'manifest'>) {
  return [{ name, version, digest }];
}

test('a restart without control plane serves from what is kept: credentials, configuration and model', async () => {
  const first = await platform.startWorker('edge');
  await platform.desire('edge', { version: 3, models: onlyModel(alexNet) });
  await platform.hear.reported('edge', ({ state, version }) => state === 'ready' && version === 3);
  expect((await stat(join(platform.folder, 'edge', 'credentials.json'))).mode & 0o777).toBe(0o600);
  expect(await first.stop()).toBe(0);

  await platform.controlPlane.close();
  await platform.steering.publishAcknowledged(workerTopic('edge', 'desired'), '', { retain: true });
  const { boot } = await platform.hear.reported('edge', () => true);
  await platform.startWorker('edge', { enrolmentToken: '' });
  const again = await platform.hear.reported(
    'edge',
    (reported) => reported.boot !== boot && reported.state === 'ready',
  );
  expect(again).toMatchObject({ version: 3, modelDigest: alexNet.manifest.digest });
  const device = await platform.connectDevice('camera', 'edge');
  const input = createLocalRuns(alexNet.graph).input(1);
  const { header } = await device.ask({ digest: alexNet.manifest.digest, exit: 2, partition: 0, tensors: [input] });
  expect(header.status).toBe('ok');
});

test('a broker that is elsewhere since the worker registered is found through the control plane, and kept', async () => {
  const first = await platform.startWorker('edge');
  await first.stop();
  const file = join(platform.folder, 'edge', 'credentials.json');
  const kept = credentialsParser.parseJson(await readFile(file));
  // Nothing listens on port 1.
  await writeFile(file, JSON.stringify({ ...kept, brokerUrl: 'mqtt://127.0.0.1:1' }));
  // Is ready when the broker has acknowledged its birth.
  await platform.startWorker('edge');
  expect(credentialsParser.parseJson(await readFile(file))).toEqual(kept);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('SIGTERM finishes what is in flight, answers the rest and says good-bye', async () => {
  const worker = await platform.startWorker('edge');
  await platform.desire('edge', { version: 1, models: onlyModel(alexNet) });
  await platform.hear.reported('edge', ({ state }) => state === 'ready');
  await platform.hear.presence('edge', ({ online }) => online);
  const device = await platform.connectDevice('camera', 'edge');
  const input = createLocalRuns(alexNet.graph).input(1);
  const question = { digest: alexNet.manifest.digest, exit: 5, partition: 0, tensors: [input] };
  const answers = Array.from({ length: 150 }, () => device.ask(question));
  await Promise.race(answers);
  await device.flushed();
  const goodbye = platform.hear.presence('edge', ({ leaving }) => leaving === true);
  const exitCode = worker.stop('SIGTERM');
  const statuses = (await Promise.all(answers)).map(({ header }) => header.status);
  expect(statuses.filter((status) => status === 'ok').length).toBeGreaterThan(1);
  expect(statuses.filter((status) => status !== 'ok' && status !== 'unavailable')).toEqual([]);
  expect(await exitCode).toBe(0);
  expect(await goodbye).toMatchObject({ schema: 1, online: false });
  expect(worker.log()).toContain(`"completed":${statuses.filter((status) => status === 'ok').length},`);
});

test('what comes while SIGTERM drains the worker is refused at once, before what is in flight is done', async () => {
  // Slowed, so that there is time for it.
  const worker = await platform.startWorker('edge', { processorFactor: 100 });
  await platform.desire('edge', { version: 1, models: onlyModel(alexNet) });
  await platform.hear.reported('edge', ({ state }) => state === 'ready');
  const device = await platform.connectDevice('camera', 'edge');
  const input = createLocalRuns(alexNet.graph).input(1);
  const question = { digest: alexNet.manifest.digest, exit: 5, partition: 0, tensors: [input], timeLeftMs: 60_000 };
  const order: string[] = [];
  const ask = async (name: string): Promise<void> => {
    const { header } = await device.ask(question);
    order.push(`${name} ${header.status}`);
  };
  const inFlight = ['a', 'b', 'c', 'd'].map(ask);
  await Promise.race(inFlight);
  const exitCode = worker.stop('SIGTERM');
  await platform.hear.presence('edge', ({ online }) => !online);
  await Promise.all([...inFlight, ask('late')]);
  expect(order.filter((line) => line.endsWith(' ok')).toSorted()).toEqual(['a ok', 'b ok', 'c ok', 'd ok']);
  expect(order).toContain('late unavailable');
  expect(order.indexOf('late unavailable')).toBeLessThan(order.indexOf('d ok'));
  expect(await exitCode).toBe(0);
});

test('a profile that is asked for is measured while serving goes on, and delivered', async () => {
  await platform.startWorker('edge', { profileRuns: 5 });
  const { digest } = resNet.manifest;
  const delivered = platform.controlPlane.nextProfile();
  await platform.desire('edge', { version: 1, models: onlyModel(resNet), profilesRequested: [digest] });
  const { progress } = await platform.hear.reported('edge', (reported) => reported.progress !== undefined);
  expect(progress?.total).toBeGreaterThan(0);
  const device = await platform.connectDevice('camera', 'edge');
  const input = createLocalRuns(resNet.graph).input(1);
  expect((await device.ask({ digest, exit: 1, partition: 0, tensors: [input] })).header.status).toBe('ok');
  const profile = profileParser.parse(await delivered);
  expect(profile).toMatchObject({ modelDigest: digest, tier: 'worker', threads: 1 });
  expect(profile.exits.map(({ name }) => name)).toEqual(resNet.manifest.exits.map(({ name }) => name));
  await platform.hear.reported('edge', ({ state }) => state === 'ready');
});

test('a profile that a stop has interrupted goes on after the next start', async () => {
  const { digest } = alexNet.manifest;
  const first = await platform.startWorker('edge');
  await platform.desire('edge', { version: 1, models: onlyModel(alexNet), profilesRequested: [digest] });
  await platform.hear.reported('edge', ({ progress }) => (progress?.done ?? 0) > 200);
  expect(await first.stop()).toBe(0);
  const drafts = join(platform.folder, 'edge', 'profiling');
  expect(await readdir(drafts)).toHaveLength(1);

  const { boot } = await platform.hear.reported('edge', () => true);
  const delivered = platform.controlPlane.nextProfile();
  await platform.startWorker('edge', { profileBudgetMs: 1000 });
  const isNew = (reported: Reported) => reported.boot !== boot && reported.progress !== undefined;
  expect((await platform.hear.reported('edge', isNew)).progress?.done).toBeGreaterThan(100);
  expect(profileParser.parse(await delivered)).toMatchObject({ modelDigest: digest, tier: 'worker' });
  await vi.waitFor(async () => expect(await readdir(drafts)).toEqual([]), { timeout: 10_000 });
});

test('a model that cannot be had is reported, and does not keep the others from being served', async () => {
  await platform.startWorker('edge');
  const missing = { name: 'missing', version: '1', digest: `sha256:${'2'.repeat(64)}` };
  await platform.desire('edge', { version: 1, models: [missing, ...onlyModel(resNet)] });
  const failed = await platform.hear.reported('edge', ({ state }) => state === 'failed');
  expect(failed).toMatchObject({ version: 1, error: 'http-failed', modelDigest: resNet.manifest.digest });
  const device = await platform.connectDevice('camera', 'edge');
  const input = createLocalRuns(resNet.graph).input(1);
  const answer = await device.ask({ digest: resNet.manifest.digest, exit: 1, partition: 0, tensors: [input] });
  expect(answer.header.status).toBe('ok');
});

test('a worker that can neither register nor has credentials does not start', async () => {
  await expect(platform.startWorker('edge', { enrolmentToken: '' })).rejects.toThrow('no enrolment token');
  await expect(platform.startWorker('edge', { enrolmentToken: `not-${enrolmentToken}` })).rejects.toThrow(
    'token-invalid',
  );
});
