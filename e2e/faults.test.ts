import { join } from 'node:path';
import { Type } from 'typebox';
import { beforeAll, describe, expect, test } from 'vitest';
import { type DeviceSpec, startFleet } from '../cli/start/fleet.ts';
import { reportRun } from '../cli/start/report.ts';
import type { FrameFailure } from '../shared/protocol/frame-result.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createParser } from '../shared/runtime/schema.ts';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { environment } from './testing/environment.ts';
import { createResultLog, type LoggedResult } from './testing/result-log.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const framesPerSecond = 10;
/** So slow that all of them offload, with a round trip so long that most of the time a frame is on its way. */
const devices: DeviceSpec[] = [1, 2, 3, 4].map((number) => ({
  id: `device-${number}`,
  processorFactor: 50,
  link: { mbps: 20, traceScale: 1, traceOffsetMs: 0, rttMs: 40 },
}));
/** How long a run goes on around a fault, and how long before it. */
const runMs = 20_000;
const beforeMs = 4000;
const resumesWithinMs = 5000;

const workerParser = createParser(
  Type.Object({ presence: Type.Object({ online: Type.Boolean(), boot: Type.Integer() }) }),
  'http-failed',
  'worker',
);

describe.skipIf(images === undefined)('a fleet in mid-run', () => {
  const cleanup = cleanupAfterAll();
  const log = createResultLog();
  /** Of the whole test: no fault may cost a frame. */
  const failures: FrameFailure[] = [];
  let platform: TestPlatform;

  const onWorker = ({ finishedOn }: LoggedResult): boolean => finishedOn === 'worker';
  const fellBack = ({ fallback }: LoggedResult): boolean => fallback !== null;
  const report = (results: readonly LoggedResult[]) =>
    reportRun(
      { results, failures },
      { model: '', durationS: 0, devices: devices.length, emulation: { links: '', processors: '' } },
    );

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup });
    const fleet = await startFleet({
      platform,
      devices,
      stateFolder: join(platform.stateFolder, 'devices'),
      source: images ?? '',
      framesPerSecond,
      logLevel: 'fatal',
      inherited: environment,
      onResult: log.record,
      onFailure: (failure) => void failures.push(failure),
      log: platform.log,
    });
    cleanup.add(fleet.stop);
    fleet.begin();
    await allOffload(30_000);
  });

  /** Resolves when every device has had frames finished on the worker from now on. @returns when, by device */
  async function allOffload(timeoutMs: number): Promise<Map<string, number>> {
    const from = performance.now();
    const firsts = (results: readonly LoggedResult[]) => {
      const found = new Map<string, number>();
      for (const result of results) {
        if (result.atMs > from && onWorker(result) && !found.has(result.device)) found.set(result.device, result.atMs);
      }
      return found;
    };
    await log.until('every device offloads', timeoutMs, (results) => firsts(results).size === devices.length);
    return firsts(log.results);
  }

  /** Lets frames pass until this time. */
  const framesUntil = (timeMs: number): Promise<void> =>
    log.until('frames go on', timeMs - performance.now() + 10_000, (results) => (results.at(-1)?.atMs ?? 0) > timeMs);

  /** Results come all at once, and between two such moments nothing is lost by whoever dies. */
  async function untilFrameIsUnderWay(): Promise<void> {
    const last = log.results.findLast(onWorker);
    if (last === undefined) throw new Error('no frame was finished on the worker');
    const periodMs = 1000 / framesPerSecond;
    const halfwayMs = last.atMs - last.latencyMs / 2;
    const waitMs = periodMs - ((performance.now() - halfwayMs) % periodMs);
    await new Promise<void>((resolve) => systemClock.after(waitMs, resolve));
  }

  /**
   * Kills a process with SIGKILL in mid-run, which its supervisor starts again.
   * @param isBack whether what was killed serves again
   */
  async function kill(name: string, isBack: () => Promise<boolean>) {
    await allOffload(20_000);
    const startMs = performance.now();
    await framesUntil(startMs + beforeMs);
    await untilFrameIsUnderWay();
    const pid = platform.process(name)?.pid();
    if (pid === undefined) throw new Error(`${name} does not run`);
    const killedMs = performance.now();
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => platform.process(name)?.pid() ?? pid, { timeout: 20_000, interval: 20 }).not.toBe(pid);
    await expect.poll(isBack, { timeout: 20_000, interval: 50 }).toBe(true);
    const backMs = performance.now();
    const resumed = await allOffload(20_000);
    await framesUntil(startMs + runMs);
    const results = log.results.filter(({ atMs }) => atMs >= startMs);
    const before = results.filter(({ atMs }) => atMs < killedMs);
    const fallbacksFrom = (fromMs: number): number =>
      results.filter((result) => fellBack(result) && result.atMs >= fromMs && result.atMs < fromMs + 1000).length;
    return {
      fallbacksTheSecondBefore: fallbacksFrom(killedMs - 1000),
      fallbacksWithinASecond: fallbacksFrom(killedMs),
      resumedMs: Math.max(...resumed.values()) - backMs,
      rescuable: report(results).rescuable,
      failed: report(results).failed,
      answeredAgain: results.length - new Set(results.map(({ device, frame }) => `${device} ${frame}`)).size,
      figures: () => figuresOf(name, { results, before, downMs: backMs - killedMs }),
    };
  }

  function figuresOf(
    name: string,
    { results, before, downMs }: { results: readonly LoggedResult[]; before: readonly LoggedResult[]; downMs: number },
  ): string {
    const { frames, missed, skipped, rescuable, fallbackReasons } = report(results);
    const late = results.filter(({ met }) => !met).map((result) => JSON.stringify(result));
    return [
      `${name} away for ${Math.round(downMs)} ms: ${frames} frames, ${missed} missed, ${skipped} slots skipped`,
      `of ${rescuable.frames} rescuable ${rescuable.missed} missed`,
      `fallbacks before ${before.filter(fellBack).length}, in all ${JSON.stringify(fallbackReasons)}`,
      ...late,
      ...failures.map((failure) => JSON.stringify(failure)),
    ].join('; ');
  }

  async function get(path: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${platform.adminToken}` };
    const response = await fetch(`${platform.httpUrl}/api/v1${path}`, { headers, signal: AbortSignal.timeout(5000) });
    return response.json();
  }

  async function workerBoot(): Promise<number | undefined> {
    const { presence } = workerParser.parse(await get('/workers/worker-1'));
    return presence.online ? presence.boot : undefined;
  }

  const httpAnswers = (): Promise<boolean> =>
    get('/healthz').then(
      () => true,
      () => false,
    );

  test('fault 3: keeps its deadlines when the worker is killed, answers each frame once, falls back, and offloads again soon after', async ({
    annotate,
  }) => {
    const before = await workerBoot();
    const isBack = async (): Promise<boolean> => ![undefined, before].includes(await workerBoot());
    const run = await kill('worker-1', isBack);
    await annotate(run.figures());
    expect(run.failed, run.figures()).toBe(0);
    expect(run.answeredAgain, run.figures()).toBe(0);
    expect(run.rescuable.frames, run.figures()).toBeGreaterThan(500);
    expect(run.rescuable.missed / run.rescuable.frames, run.figures()).toBeLessThanOrEqual(0.001);
    expect(run.fallbacksWithinASecond, run.figures()).toBeGreaterThan(run.fallbacksTheSecondBefore);
    expect(run.resumedMs, run.figures()).toBeLessThanOrEqual(resumesWithinMs);
  });

  test('keeps its deadlines when the broker is killed, falls back, and offloads again soon after', async ({
    annotate,
  }) => {
    const connected = async (): Promise<boolean> =>
      JSON.stringify(await get('/healthz')).includes('"brokerConnected":true');
    const run = await kill('broker', connected);
    await annotate(run.figures());
    expect(run.failed, run.figures()).toBe(0);
    expect(run.rescuable.frames, run.figures()).toBeGreaterThan(500);
    expect(run.rescuable.missed / run.rescuable.frames, run.figures()).toBeLessThanOrEqual(0.001);
    expect(run.fallbacksWithinASecond, run.figures()).toBeGreaterThan(run.fallbacksTheSecondBefore);
    expect(run.resumedMs, run.figures()).toBeLessThanOrEqual(resumesWithinMs);
  });

  test('does not notice when the control plane is killed', async ({ annotate }) => {
    const run = await kill('control-plane', httpAnswers);
    await annotate(run.figures());
    expect(run.failed, run.figures()).toBe(0);
    expect(run.rescuable.frames, run.figures()).toBeGreaterThan(500);
    expect(run.rescuable.missed, run.figures()).toBe(0);
    expect(run.resumedMs, run.figures()).toBeLessThanOrEqual(resumesWithinMs);
  });
});
