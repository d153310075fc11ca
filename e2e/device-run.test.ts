import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { reportRun } from '../cli/start/report.ts';
import type { FrameFailure } from '../shared/protocol/frame-result.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { type Ended, startEdgent } from './testing/command.ts';
import { startTestDevice } from './testing/test-device.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

describe('edgent device run', () => {
  const cleanup = cleanupAfterAll();
  let platform: TestPlatform;
  let folder = '';

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup });
    folder = await temporaryFolder(cleanup);
  });

  function wordsFor(id: string, ...own: readonly string[]): string[] {
    const where = ['--control-plane', platform.httpUrl, '--broker', platform.brokerUrl];
    const state = ['--enrolment-token', platform.enrolmentToken, '--state', join(folder, id)];
    return ['device', 'run', '--id', id, ...where, ...state, ...own];
  }

  const run = (id: string, ...own: readonly string[]): Promise<Ended> =>
    startEdgent(wordsFor(id, ...own), { cleanup }).ended;

  test.each([
    ['exit', '9,9', 'model-unknown-exit', 'exits are 1 to 5'],
    ['partition', '5,99', 'partition-out-of-range', 'partitions of exit 5 are 0 to'],
  ])('refuses a plan whose %s the model has not', async (what, plan, code, message) => {
    const { code: status, stdout, stderr } = await run(`no-${what}`, '--frames', '2', '--plan', plan);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    for (const text of [`  ${code}: `, `--plan ${plan}`, message]) expect(stderr).toContain(text);
  });

  test('warns once of a plan that the policy forbids, and goes on without it', async () => {
    const words = ['--frames', '3', '--plan', '5,8,u8,edge-first', '--log-level', 'warn'];
    const { code, stdout, stderr } = await run('forbidden', ...words);
    expect(code).toBe(0);
    const results: { planned: string }[] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(results.map(({ planned }) => planned)).toEqual(Array.from({ length: 3 }, () => 'unplanned'));
    const warnings = stderr.split('\n').filter((line) => line.includes('the forced plan is not run'));
    expect(warnings).toEqual([expect.stringContaining('"reason":"direction-forbidden"')]);
  });

  test('ends in order when its reader has seen enough', async () => {
    const running = startEdgent(wordsFor('piped', '--fps', '50', '--log-level', 'warn'), { cleanup });
    await running.line('"frame":1,', 60_000);
    running.child.stdout?.destroy();
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('tells of a frame that came to nothing, and goes on with the next', async () => {
    let asked = 0;
    const forcedPlan = (): undefined => {
      asked += 1;
      if (asked === 2) throw new Error('this one fails');
    };
    const failures: FrameFailure[] = [];
    const onFailure = (failure: FrameFailure): void => void failures.push(failure);
    const config = { maxFrames: 3 };
    const device = await startTestDevice({ cleanup, platform, id: 'failing', config, forcedPlan, onFailure });
    expect(await device.ran).toBe(3);
    expect(device.results.map(({ frame }) => frame)).toEqual([0, 2]);
    expect(failures).toMatchObject([{ device: 'failing', frame: 1, failed: 'this one fails' }]);
    const { frames, failed, metShare, met } = reportRun(
      { results: device.results, failures },
      { model: '', durationS: 0, devices: 1, emulation: { links: '', processors: '' } },
    );
    expect({ frames, failed, metShare }).toEqual({ frames: 2, failed: 1, metShare: met / 3 });
  });
});
