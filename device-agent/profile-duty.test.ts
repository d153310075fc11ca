import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProfileDrafts } from '../shared/adapters/profile-drafts.ts';
import { readPackage } from '../shared/model/model-package.ts';
import type { Progress } from '../shared/protocol/messages.ts';
import { type Profile, profileParser } from '../shared/protocol/profile.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { FleetError } from '../shared/runtime/errors.ts';
import { createLog } from '../shared/runtime/log.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import { createProfileDuty, type ProfileDutyOptions } from './profile-duty.ts';

const log = createLog('test', 'silent');
let folder: string;
let model: LoadedModel;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-duty-'));
  model = await loadModel(await readPackage(repositoryFile('models', 'branchy-alexnet-32')), 1, systemClock);
});
afterAll(async () => {
  await model.close();
  await rm(folder, { recursive: true });
});

/** A duty whose profile is refused `refusals` times, and what it told. */
function startDuty(refusals: number, changes: Partial<ProfileDutyOptions> = {}) {
  const told: Progress[] = [];
  let refused = 0;
  let publish = (_: Profile): void => undefined;
  const published = new Promise<Profile>((resolve) => {
    publish = resolve;
  });
  const duty = createProfileDuty({
    client: {
      async putProfile(profile) {
        refused += 1;
        if (refused <= refusals) throw new FleetError('http-failed', 'not now');
        publish(profile);
      },
    },
    ...{ hardwareClass: 'x64-test-1c', runs: 20, budgetMs: 1000, clock: systemClock, log },
    drafts: createProfileDrafts({ folder, clock: systemClock, log }),
    onProgress: (progress) => told.push(progress),
    onEnd: () => undefined,
    ...changes,
  });
  duty.want(model);
  return { duty, told, published };
}

test('what was measured before the agent was stopped is not measured again, nor when publishing fails', async () => {
  let stopSoon = (): void => undefined;
  const isKept = new Promise<void>((resolve) => {
    stopSoon = resolve;
  });
  const drafts = createProfileDrafts({ folder, clock: systemClock, log });
  const first = startDuty(0, {
    drafts: {
      ...drafts,
      async write(identity, content) {
        await drafts.write(identity, content);
        stopSoon();
      },
    },
  });
  await isKept;
  await first.duty.close();
  expect(await readdir(folder)).toHaveLength(1);

  let ends = 0;
  const { duty, told, published } = startDuty(1, {
    onEnd: () => {
      ends += 1;
    },
  });
  const profile = profileParser.parse(await published);
  await duty.close();
  expect(profile).toMatchObject({ tier: 'device', hardwareClass: 'x64-test-1c', runs: 20 });
  expect(ends).toBeGreaterThanOrEqual(1);
  // One that begins anew tells the runs of its first segment.
  expect(told[0]?.done).toBeGreaterThan(2 * (first.told[0]?.done ?? 0));
  expect(told.at(-1)?.done).toBe(told.at(-1)?.total);
  expect(await readdir(folder)).toEqual([]);
});
