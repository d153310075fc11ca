import { beforeAll, describe, expect, test } from 'vitest';
import { changePolicy } from '../cli/platform/admin-client.ts';
import { decisionLogParser } from '../shared/protocol/decision-record.ts';
import { dataFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { startEdgent } from './testing/command.ts';
import { configurationOf } from './testing/device-configuration.ts';
import type { LoggedResult } from './testing/result-log.ts';
import { startTestDevice, type TestDevice } from './testing/test-device.ts';
import { startTestLink, type TestLink } from './testing/test-link.ts';
import { deviceFolder, startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const images = dataFile('cifar10', 'test-1000.bin');
const id = 'roamer';
const deadlineMs = 400;
/** What is waited for comes with the device's measurements: nothing but the test's own time limit is to end it. */
const patienceMs = 230_000;
/** 12 KiB of input take 40 ms at the one rate and 280 ms at the other: longer than the deepest exit on the device. */
const fastMbps = 2.5;
const slowMbps = 0.35;
/** The states that come with the project begin at 0.69, 1.09, 1.37 Mbit/s and so on. */
const fastFromState = 3;

type LookedUp = LoggedResult & Required<Pick<LoggedResult, 'dynamic'>>;
const isLookedUp = (result: LoggedResult): result is LookedUp =>
  result.dynamic !== undefined && result.planned === 'best' && result.fallback === null;

describe.skipIf(images === undefined)('a device with the dynamic configurator', () => {
  const cleanup = cleanupAfterAll();
  let platform: TestPlatform;
  let link: TestLink;
  let device: TestDevice;
  const earlier: LoggedResult[] = [];

  const startDevice = (): Promise<TestDevice> =>
    startTestDevice({
      cleanup,
      platform,
      id,
      config: { brokerUrl: link.brokerUrl, source: images ?? '', framesPerSecond: 5, processorFactor: 50 },
    });
  const push = (change: Parameters<typeof changePolicy>[2]): Promise<void> =>
    changePolicy(platform.httpUrl, platform.adminToken, change);
  async function nextLookedUp(what: string, holds: (result: LookedUp) => boolean): Promise<LookedUp> {
    const found = await device.next(what, patienceMs, (result) => isLookedUp(result) && holds(result));
    if (!isLookedUp(found)) throw new Error(what);
    return found;
  }

  beforeAll(async () => {
    platform = await startTestPlatform({ cleanup, deadlineMs });
    link = await startTestLink({ cleanup, platform, mbps: fastMbps, rttMs: 4 });
    device = await startDevice();
    await device.next('a frame on the worker', patienceMs, ({ finishedOn }) => finishedOn === 'worker');
  });

  test('looks its plan up in the map that the control plane pushes', async () => {
    expect(device.results.filter(({ dynamic }) => dynamic !== undefined)).toEqual([]);
    await push({ configurator: 'dynamic', encodings: ['f32'] });
    const first = await device.next('a frame by the map', patienceMs, ({ dynamic }) => dynamic !== undefined);
    const { map } = await configurationOf(platform, id);
    expect(first.dynamic?.revision).toBe(map?.revision);
    const settled = await nextLookedUp('the state of a fast link', (r) => r.dynamic.stateIndex >= fastFromState);
    expect(settled.finishedOn).toBe('worker');
  });

  test('goes on from what it knew of the bandwidth when it is started anew', async () => {
    const known = await nextLookedUp('five measurements of one run', ({ dynamic }) => dynamic.runLength >= 5);
    await device.stop();
    earlier.push(...device.results);
    device = await startDevice();
    const first = await nextLookedUp('a frame by the map', () => true);
    expect(first.dynamic.runLength).toBeGreaterThanOrEqual(known.dynamic.runLength);
    expect(first.dynamic.stateIndex).toBe(known.dynamic.stateIndex);
  });

  test('sees the bandwidth fall, and runs by the plan of the state that the link is in then', async () => {
    const before = await nextLookedUp('the state of a fast link', (r) => r.dynamic.stateIndex >= fastFromState);
    link.turnTo(slowMbps);
    const after = await nextLookedUp('the state of a slow link', ({ dynamic }) => dynamic.stateIndex === 0);
    expect(before.finishedOn).toBe('worker');
    expect(after.finishedOn).toBe('device');
    expect(after.dynamic.slackMs).toBeGreaterThan(0);
    // A map that is pushed anew replaces the device's own copy of it: the first frame by it shows whose plan it is.
    await push({ deadlineMs: deadlineMs + 10 });
    const pushed = await nextLookedUp('a frame by the new map', (result) => result.deadlineMs !== deadlineMs);
    const { map, version } = await configurationOf(platform, id);
    expect(pushed.configurationVersion).toBe(version);
    expect(pushed.dynamic.revision).toBe(map?.revision);
    const entry = map?.entries[pushed.dynamic.stateIndex];
    if (!pushed.dynamic.gaveWay)
      expect(pushed.plan).toEqual(entry && { ...entry.plan, exit: `exit${entry.plan.exit}` });
  });

  test('keeps its plan for as long as neither state nor map is another one', () => {
    const plans = new Map<string, Set<string>>();
    // What gave way was planned for the moment.
    const looked = [...earlier, ...device.results].filter(isLookedUp).filter(({ dynamic }) => !dynamic.gaveWay);
    for (const { dynamic, plan } of looked) {
      const key = `${dynamic.revision}, state ${dynamic.stateIndex}`;
      plans.set(key, (plans.get(key) ?? new Set()).add(JSON.stringify(plan)));
    }
    expect(plans.size).toBeGreaterThanOrEqual(3);
    expect([...plans].filter(([, used]) => used.size !== 1)).toEqual([]);
  });

  test('has kept why it decided as it did: edgent device why tells', async () => {
    await device.stop();
    const words = ['device', 'why', '--data-folder', deviceFolder(platform, id)];
    const told = await startEdgent([...words, '--json'], { cleanup }).ended;
    const { decisions } = decisionLogParser.parse(JSON.parse(told.stdout));
    const fall = decisions.find(({ state }) => state?.index === 0 && (state.previousIndex ?? 0) > 0);
    // The device's own copy of the map may have been built anew at that moment.
    expect(['state-changed', 'state-and-map-changed']).toContain(fall?.kind);
    expect(fall).toMatchObject({ configurator: 'dynamic', planned: 'best', state: { mbps: expect.any(Number) } });
    expect(fall?.state?.runLength).toBeGreaterThanOrEqual(1);
    expect(fall?.bandwidthMbps).toBeLessThan(fastMbps);
    // Margin and T leave the rest, less what a device at its slowest takes; what would have been next is told with its time.
    const { totalMs = 0 } = fall?.plan ?? {};
    const spareMs = ((fall?.deviceSpread ?? 1) - 1) * totalMs;
    expect(fall?.slackMs).toBeLessThanOrEqual(deadlineMs - 5 - totalMs + 1e-6);
    expect(fall?.slackMs).toBeGreaterThanOrEqual(deadlineMs - 5 - totalMs - spareMs - 1e-6);
    expect(fall?.runnerUp?.exit).not.toBe(fall?.plan.exit);
    expect(fall?.runnerUp?.totalMs).toBeLessThan(deadlineMs);
    const { stdout } = await startEdgent(words, { cleanup }).ended;
    const [day = 'none', time = 'none'] = fall?.at.split('T') ?? [];
    // A row has several lines: day and time stand below each other.
    const row = stdout.split(/├.*┤/).find((lines) => lines.includes(day) && lines.includes(time.slice(0, 10)));
    expect(row).toContain('state-changed');
    expect(row).toContain(`${fall?.runnerUp?.exit} @${fall?.runnerUp?.partition}`);
  });
});
