import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { RunReport } from '../cli/start/report.ts';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { type RunningCommand, startCommand, startEdgent } from './testing/command.ts';
import { killProcessesWith, processesWith } from './testing/processes.ts';
import { profiledState } from './testing/profiled-state.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const trace = dataFile('lte-belgium', 'report_bus_0001.log');
const framesBegin = 'waiting';

describe.skipIf(images === undefined || trace === undefined)('npm start', () => {
  const cleanup = cleanupAfterAll();
  let state = '';
  afterEach(() => killProcessesWith(state));

  /** @returns words after `npm start` with a state folder of its own */
  async function wordsWith(duration: number, from?: string): Promise<string[]> {
    state = join(await temporaryFolder(cleanup), 'state');
    if (from === undefined) await mkdir(state);
    else await cp(from, state, { recursive: true });
    const run = ['--devices', '4', '--duration', String(duration), '--deadline', '200'];
    const frames = ['--images', images ?? '', '--trace', trace ?? '', '--trace-scale', '0.1'];
    return [...run, ...frames, '--json', '--state', state];
  }

  function npmStart(words: readonly string[]): RunningCommand {
    return startCommand('npm', ['start', '--silent', '--', ...words], { cleanup });
  }

  test('prints one JSON report on standard output; at least 99 % of deadlines are met, half of the frames finish on the worker', async () => {
    const { code, stdout, stderr } = await npmStart(await wordsWith(12)).ended;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(processesWith(state)).toEqual([]);
    // One object, and nothing beside it: else this throws.
    const report: RunReport = JSON.parse(stdout);
    expect(report).toMatchObject({
      frames: expect.any(Number),
      met: expect.any(Number),
      missed: report.frames - report.met,
      metShare: report.met / report.frames,
      failed: 0,
      skipped: expect.any(Number),
      fallbacks: expect.any(Number),
      accuracy: expect.any(Number),
      latencyMs: { p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number) },
    });
    const parts = ['device', 'encode', 'upload', 'queue', 'worker', 'download'];
    expect(Object.keys(report.breakdownMs)).toEqual(parts);
    expect(Object.values(report.accuracyByExit).length).toBeGreaterThan(0);
    expect(report.plans.reduce((sum, { frames }) => sum + frames, 0)).toBe(report.frames);
    for (const { exit, partition, direction, encoding } of report.plans) {
      expect([exit, direction, encoding]).toEqual([
        expect.stringMatching(/^exit[1-5]$/),
        'device-first',
        expect.stringMatching(/^(f32|f16|u8)$/),
      ]);
      expect(partition).toBeGreaterThanOrEqual(0);
    }
    // Four devices, five frames a second each, a slot now and then lost.
    expect(report.frames).toBeGreaterThan(200);
    expect(report.met / report.frames).toBeGreaterThanOrEqual(0.99);
    expect(report.finishedOnWorker / report.frames).toBeGreaterThanOrEqual(0.5);
    expect(report.fallbacks / report.frames).toBeLessThanOrEqual(0.02);
    expect(stderr).toContain('emulated links: userspace TCP relay');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s in mid-run ends it with its report, and leaves no process',
    async (signal) => {
      const run = npmStart(await wordsWith(0, await profiledState('branchy-alexnet-32')));
      await run.line('100.0 % of', 30_000);
      // A terminal asks the whole group, a service manager the process that it started.
      if (signal === 'SIGINT') run.signalGroup(signal);
      else run.child.kill(signal);
      const ended = await run.ended;
      expect(processesWith(state)).toEqual([]);
      const report: RunReport = JSON.parse(ended.stdout);
      expect(report.frames).toBeGreaterThan(20);
      // npm ends by the terminal's signal when its script has ended in order.
      expect([ended.code, ended.signal]).toEqual(ended.signal === 'SIGINT' ? [null, signal] : [0, null]);
    },
  );

  test('SIGTERM while it is still starting leaves no process', async () => {
    const run = startEdgent(['start', ...(await wordsWith(0))], { cleanup });
    await run.line('starting 4 devices', 30_000);
    run.child.kill('SIGTERM');
    const { code, stdout } = await run.ended;
    expect(processesWith(state)).toEqual([]);
    expect(code).toBe(1);
    expect(stdout).toBe('');
  });

  test('when it is killed itself, everything that it started ends too', async () => {
    const run = startEdgent(['start', ...(await wordsWith(0, await profiledState('branchy-alexnet-32')))], { cleanup });
    await run.line(framesBegin, 30_000);
    expect(processesWith(state).length).toBeGreaterThan(5);
    run.child.kill('SIGKILL');
    await expect.poll(() => processesWith(state), { timeout: 15_000, interval: 100 }).toEqual([]);
  });
});
