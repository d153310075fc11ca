import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { ask } from '../cli/platform/admin-client.ts';
import { createParser } from '../shared/runtime/schema.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { startRelay } from './testing/relay.ts';
import { startTestDevice } from './testing/test-device.ts';
import { startTestPlatform, type TestPlatform } from './testing/test-platform.ts';

const deadlineMs = 400;
/** Behind the last convolution, which no other exit shares. */
const partition = 14;
const id = 'remote';

const pageParser = createParser(
  Type.Object({ items: Type.Array(Type.Object({ report: Type.Object({ lateReplies: Type.Integer() }) })) }),
  'http-failed',
  'summaries',
);

async function lateReplies({ httpUrl, adminToken }: TestPlatform): Promise<number> {
  const init = { headers: { authorization: `Bearer ${adminToken}` } };
  const response = await ask(`${httpUrl}/api/v1/devices/${id}/summaries`, init);
  return pageParser.parse(await response.json()).items.reduce((sum, { report }) => sum + report.lateReplies, 0);
}

describe('a frame whose reply does not come', () => {
  const cleanup = cleanupAfterAll();

  test('is finished from the cut that its head has given, in time, and the late reply is counted', async () => {
    const platform = await startTestPlatform({ cleanup, deadlineMs });
    const relay = await startRelay(platform.brokerUrl);
    cleanup.add(relay.close);
    const device = await startTestDevice({
      cleanup,
      platform,
      id,
      // So slow that a whole branch takes a good part of the deadline.
      config: { brokerUrl: relay.url, framesPerSecond: 1, processorFactor: 50, plan: `5,${partition},u8` },
    });
    const isRemote = ({ finishedOn, partition: p }: { finishedOn: string; partition: number }): boolean =>
      finishedOn === 'worker' && p === partition;
    // The tail is loaded after one of them, in the gap before the next.
    await device.until('six frames by the plan', 30_000, (results) => results.filter(isRemote).length >= 6);

    relay.silence();
    const failed = await device.next('a frame that fell back', 10_000, ({ fallback }) => fallback === 'timeout');
    relay.restore();
    expect(failed).toMatchObject({ exit: 'exit5', partition: 21, finishedOn: 'device', continuedFrom: partition });
    expect(failed).toMatchObject({ met: true, plan: { exit: 'exit5', partition } });

    await device.next('a frame by the plan again', 10_000, isRemote);
    await expect.poll(() => lateReplies(platform), { timeout: 10_000, interval: 200 }).toBeGreaterThan(0);
  });
});
