import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../runtime/clock.ts';
import { createLog } from '../runtime/log.ts';
import { digest } from '../testing/typical-messages.ts';
import { createProfileDrafts, type DraftIdentity, type ProfileDrafts } from './profile-drafts.ts';

const identity: DraftIdentity = {
  modelDigest: digest,
  tier: 'device',
  hardwareClass: 'pi-4',
  runtime: 'onnxruntime-node 1.30.0',
  threads: 1,
  runs: 20,
  gapMs: 2,
};
const content = { spentMs: 12, measured: { 'x → y': { timesMs: [1.5, 1.25], loadMs: [3] } } };

let folder: string;
let clock: FakeClock;
let drafts: ProfileDrafts;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-drafts-'));
  clock = createFakeClock();
  drafts = createProfileDrafts({ folder, clock, log: createLog('test', 'silent') });
});
afterEach(() => rm(folder, { recursive: true }));

test('what was written is read again, until it is dropped', async () => {
  await drafts.write(identity, content);
  expect(await drafts.read(identity)).toEqual(content);
  await drafts.drop(digest);
  expect(await drafts.read(identity)).toBeUndefined();
});

test.each([{ hardwareClass: 'pi-5' }, { runtime: 'onnxruntime-node 2' }, { runs: 40 }, { tier: 'worker' as const }])(
  'a draft of other settings is dropped: %o',
  async (change) => {
    await drafts.write(identity, content);
    expect(await drafts.read({ ...identity, ...change })).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  },
);

test('a draft older than half an hour is dropped', async () => {
  await drafts.write(identity, content);
  clock.advance(31 * 60 * 1000);
  expect(await drafts.read(identity)).toBeUndefined();
  expect(await readdir(folder)).toEqual([]);
});

test('drafts of several models lie side by side', async () => {
  const other = { ...identity, modelDigest: `sha256:${'7'.repeat(64)}` };
  await drafts.write(identity, content);
  await drafts.write(other, { ...content, spentMs: 99 });
  expect((await drafts.read(identity))?.spentMs).toBe(12);
  expect((await drafts.read(other))?.spentMs).toBe(99);
});

test('a damaged file is no draft, and a folder that cannot be written no failure', async () => {
  await drafts.write(identity, content);
  const [name = ''] = await readdir(folder);
  const text = await readFile(join(folder, name), 'utf8');
  await writeFile(join(folder, name), text.slice(0, -9));
  expect(await drafts.read(identity)).toBeUndefined();
  const nowhere = createProfileDrafts({ folder: join(folder, name), clock, log: createLog('test', 'silent') });
  await nowhere.write(identity, content);
  expect(await nowhere.read(identity)).toBeUndefined();
});
