import { afterAll, beforeAll, expect, test } from 'vitest';
import { hardwareClass } from '../shared/adapters/profile-model.ts';
import type { ModelPackage } from '../shared/model/model-package.ts';
import { type Profile, profileParser } from '../shared/protocol/profile.ts';
import { createLocalRuns, readResNet } from './testing/models.ts';
import { type Platform, startPlatform } from './testing/platform.ts';

const factor = 400;
let model: Pick<ModelPackage, 'manifest' | 'bytes' | 'graph'>;
let platform: Platform;

beforeAll(async () => {
  model = await readResNet();
  platform = await startPlatform([model]);
});

afterAll(() => platform.close());

/** Starts a worker that is asked for a profile. @returns what it delivers */
async function profileOf(id: string, processorFactor: number): Promise<Profile> {
  const delivered = platform.controlPlane.nextProfile();
  await platform.startWorker(id, { profileRuns: 5, processorFactor });
  await platform.desire(id, { version: 1, profilesRequested: [model.manifest.digest] });
  return profileParser.parse(await delivered);
}

test('a slower processor is a class of its own, profiled as slow as it is made to run', async () => {
  const own = await profileOf('own', 1);
  const slowed = await profileOf('slowed', factor);
  expect(own.hardwareClass).toBe(hardwareClass());
  expect(slowed.hardwareClass).toBe(`${hardwareClass()}-slowed-${factor}`);
  const wholeMs = ({ exits }: Profile) => exits[0]?.tail[0]?.medianMs ?? 0;
  expect(wholeMs(slowed)).toBeGreaterThan((factor / 20) * wholeMs(own));
});

test('a tail takes at least its own time as many times over, and says so as computing, not as waiting', async () => {
  const device = await platform.connectDevice('camera', 'slowed');
  const local = createLocalRuns(model.graph);
  const question = { digest: model.manifest.digest, exit: 1, partition: 0, tensors: [local.input(1)] };
  const { header } = await device.ask({ ...question, timeLeftMs: 60_000 });
  expect(header.status).toBe('ok');
  // No run of any network takes less than a hundredth of a millisecond.
  expect(header.computeUs).toBeGreaterThan(factor * 10);
  expect(header.computeUs).toBeGreaterThan(header.queueUs);
});
