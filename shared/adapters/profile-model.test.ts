import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calibrationChains } from '../model/calibration-chains.ts';
import { calibrationModel } from '../model/calibration-model.ts';
import { describeModel } from '../model/describe-model.ts';
import { readPackage } from '../model/model-package.ts';
import { parseModel } from '../model/parse-model.ts';
import { shapeOfCuts } from '../planner/model-shape.ts';
import type { ModelShape } from '../planner/plan.ts';
import { type Profile, profileParser } from '../protocol/profile.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLog } from '../runtime/log.ts';
import { digest } from '../testing/typical-messages.ts';
import { type InferenceThread, startInferenceThread } from './inference-thread.ts';
import { minimumRuns } from './measure-rounds.ts';
import { createProfileDrafts } from './profile-drafts.ts';
import { hardwareClass, type ProfileModelOptions, profileModel } from './profile-model.ts';
import { traceShapes } from './trace-shapes.ts';

const modelFolder = join(import.meta.dirname, '../../../models/branchy-alexnet-32');

describe('the profile of the five-exit AlexNet', () => {
  let thread: InferenceThread;
  let profile: Profile;
  let nodes: number[];
  let cuts: ModelShape['exits'][number]['cuts'][];
  const progress: [number, number][] = [];

  beforeAll(async () => {
    const { graph, manifest } = await readPackage(modelFolder);
    nodes = manifest.exits.map((exit) => exit.nodes);
    const shapes = await traceShapes(graph);
    cuts = describeModel(graph, shapes).branches.map(shapeOfCuts);
    thread = startInferenceThread({ maxSessions: 8 });
    profile = await profileModel({
      thread,
      graph,
      shapes,
      digest: manifest.digest,
      tier: 'worker',
      hardwareClass: hardwareClass(),
      threads: 1,
      runs: 5,
      gapMs: 0,
      onProgress: (done, total) => progress.push([done, total]),
    });
  });

  afterAll(() => thread.close());

  test('fits its schema', () => {
    expect(profileParser.parse(profile)).toBe(profile);
  });

  test('has every layer and a head and a tail for each partition of each exit', () => {
    expect(profile.exits.map((exit) => exit.layers.length)).toEqual(nodes);
    expect(profile.exits.map((exit) => exit.head.length - 1)).toEqual(nodes);
    expect(profile.exits.map((exit) => exit.tail.length - 1)).toEqual(nodes);
  });

  test('says what every cut holds, as the model does', () => {
    expect(profile.exits.map((exit) => exit.cuts)).toEqual(cuts);
    expect(profile.exits[0]?.cuts?.[0]).toEqual([{ elements: 3 * 32 * 32, rank: 4 }]);
  });

  test('takes no time for what is empty, and the same for the same segment', () => {
    for (const { head, tail } of profile.exits) {
      expect(head[0]).toEqual({ medianMs: 0, p90Ms: 0 });
      expect(tail.at(-1)).toEqual({ medianMs: 0, p90Ms: 0 });
      expect(head.at(-1)).toEqual(tail[0]);
    }
    const [first, second] = profile.exits;
    expect(first?.head[1]).toEqual(second?.head[1]);
  });

  test('has plausible times', () => {
    for (const { head, tail, layers } of profile.exits) {
      for (const { medianMs, p90Ms, runs } of [
        ...head.slice(1),
        ...tail.slice(0, -1),
        ...layers.map((l) => l.timing),
      ]) {
        expect(medianMs).toBeGreaterThan(0);
        expect(p90Ms).toBeGreaterThanOrEqual(medianMs);
        expect(runs).toBeUndefined();
      }
      expect(tail[0]?.medianMs).toBeGreaterThan(tail.at(-2)?.medianMs ?? Number.POSITIVE_INFINITY);
    }
    expect(profile.modelLoadMs).toBeGreaterThan(0);
  });

  test('has what a call costs besides its layers, which is less than any whole branch', () => {
    expect(profile.perCallOverheadMs).toBeGreaterThan(0);
    for (const { tail } of profile.exits) expect(profile.perCallOverheadMs).toBeLessThan(tail[0]?.medianMs ?? 0);
  });

  test('reports progress in runs and leaves nothing loaded', () => {
    const [done, total] = progress.at(-1) ?? [];
    expect(done).toBe(total);
    expect(done).toBeGreaterThan(5 * Math.max(...nodes));
    expect(done).toBeLessThan(5 * nodes.reduce((sum, count) => sum + 3 * count, 0));
    expect(thread.pending).toBe(0);
  });
});

describe('an unfinished profile', () => {
  let folder: string;
  let about: Omit<ProfileModelOptions, 'thread'>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgent-profile-'));
    const graph = parseModel(calibrationModel(calibrationChains.slice(5, 7)));
    const drafts = createProfileDrafts({ folder, clock: systemClock, log: createLog('test', 'silent') });
    const shapes = await traceShapes(graph);
    about = { graph, shapes, digest, tier: 'device', hardwareClass: 'x64-test-1c', threads: 1, gapMs: 0, drafts };
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('is continued where it stopped, and costs nothing once it is complete', async () => {
    const stop = new AbortController();
    const thread = startInferenceThread({ maxSessions: 4 });
    const stopAfter = (done: number) => (done > 60 ? stop.abort() : undefined);
    const interrupted = profileModel({ ...about, thread, onProgress: stopAfter, signal: stop.signal });
    await expect(interrupted).rejects.toMatchObject({ code: 'inference-cancelled' });

    const seen: number[] = [];
    const profile = await profileModel({ ...about, thread, onProgress: (done) => seen.push(done) });
    expect(seen[0]).toBeGreaterThan(40);
    const again = await profileModel({ ...about, thread, onProgress: (done) => seen.push(-done) });
    expect(again.exits.map(({ tail }) => tail[0]?.medianMs.toFixed(3))).toEqual(
      profile.exits.map(({ tail }) => tail[0]?.medianMs.toFixed(3)),
    );
    expect(seen.filter((done) => done < 0)).toHaveLength(1);
    await thread.close();
  });

  test('says of each timing how many runs it rests on where the time was short', async () => {
    const thread = startInferenceThread({ maxSessions: 4 });
    const { drafts: _, ...fresh } = about;
    const profile = await profileModel({ ...fresh, thread, budgetMs: 0 });
    for (const { layers } of profile.exits) for (const { timing } of layers) expect(timing.runs).toBe(minimumRuns);
    expect(profile).toMatchObject({ runs: 20, madeRuns: { least: minimumRuns, median: minimumRuns } });
    expect(profileParser.parse(profile)).toBe(profile);
    await thread.close();
  });
});

test('profiling stops when it is told to', async () => {
  const { graph, manifest } = await readPackage(modelFolder);
  const thread = startInferenceThread({ maxSessions: 4 });
  const stop = new AbortController();
  const profiling = profileModel({
    thread,
    graph,
    shapes: await traceShapes(graph),
    digest: manifest.digest,
    tier: 'device',
    hardwareClass: 'x64-test-1c',
    threads: 1,
    onProgress: () => stop.abort(),
    signal: stop.signal,
  });
  await expect(profiling).rejects.toMatchObject({ code: 'inference-cancelled' });
  await thread.close();
});

test.each([
  ['Intel(R) Xeon(R) CPU @ 2.20GHz', 'x64', 4, 'x64-intel-xeon-4c'],
  ['AMD EPYC 7B13 64-Core Processor', 'x64', 2, 'x64-amd-epyc-7b13-2c'],
  ['', 'arm64', 4, 'arm64-4c'],
  ['unknown', 'arm', 1, 'arm-1c'],
])('%s on %s with %i cores is %s', (model, architecture, cores, expected) => {
  expect(
    hardwareClass(
      Array.from({ length: cores }, () => ({ model })),
      architecture,
    ),
  ).toBe(expected);
});
