import { describe, expect, test } from 'vitest';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import { createLinkMonitor } from './link-monitor.ts';
import { createOffloadClient } from './offload.ts';
import { probeTimeoutMs } from './prober.ts';
import { createScriptedWorker } from './testing/scripted-worker.ts';
import { createWorkerLink, nextProbeMs } from './worker-link.ts';

/** More than the pause between two looks at what is due. */
const momentMs = 250;
/** Waited for until shortly before the link would be probed again in any case. */
const frame = { bytes: 3200, waitedMs: 1900 };

/** @returns the link to a worker that has been found and answers each message in this time, on a clock that is moved */
async function startLink(answerMs: number) {
  const clock = createFakeClock();
  const worker = createScriptedWorker({ device: 'cam', worker: 'edge' });
  const { connection } = worker;
  const offload = createOffloadClient({ device: 'cam', boot: 1, connection, clock, log: createLog('link', 'fatal') });
  const monitor = createLinkMonitor(clock);
  const link = createWorkerLink({ offload, monitor, clock });
  let answered = 0;

  /** Answers all that was asked, and what is asked thereupon. */
  async function answerAll(): Promise<void> {
    for (;;) {
      await new Promise(setImmediate);
      const asked = worker.requests[answered];
      if (asked === undefined) return;
      answered += 1;
      clock.advance(answerMs);
      worker.deliver(worker.answer(asked, {}));
    }
  }

  link.start();
  link.use('edge', '0011223344556677');
  clock.advance(momentMs);
  await answerAll();
  /** A frame is sent, and waited for in vain. */
  function missReply(): void {
    clock.advance(frame.waitedMs);
    monitor.observeMissing(frame.bytes, frame.waitedMs, undefined);
  }

  return { clock, worker, monitor, link, answerAll, missReply };
}

describe('a reply that is missing', () => {
  test('is followed up within a moment, however slow the link is believed to be since', async () => {
    const { clock, worker, monitor, link, missReply } = await startLink(1);
    expect(link.reachable()).toBe('edge');
    const before = worker.requests.length;
    missReply();
    expect(monitor.link()?.uplinkMbps).toBeLessThan(1);
    clock.advance(momentMs);
    expect(worker.requests.length).toBeGreaterThan(before);
  });

  test('and a probe that is not answered either: the worker is out of reach', async () => {
    const { clock, link, missReply } = await startLink(1);
    missReply();
    clock.advance(momentMs + probeTimeoutMs);
    await new Promise(setImmediate);
    expect(link.reachable()).toBeUndefined();
  });

  test('is forgotten where the probe is answered as before', async () => {
    const { clock, monitor, link, answerAll, missReply } = await startLink(1);
    const before = monitor.link()?.uplinkMbps ?? 0;
    missReply();
    clock.advance(momentMs);
    await answerAll();
    expect(link.reachable()).toBe('edge');
    expect(monitor.isDoubted()).toBe(false);
    expect(monitor.link()?.uplinkMbps).toBeGreaterThan(before / 2);
  });
});

describe('the next probe', () => {
  const quiet = { mbps: 100, isDoubted: false, lastSampleMs: 5000, lastProbeMs: 1000 };

  test('waits for an idle link, longer where it costs more of it, and for ten seconds at most', () => {
    expect(nextProbeMs(quiet)).toBe(5000 + 2000);
    expect(nextProbeMs({ ...quiet, lastProbeMs: 6000 })).toBe(6000 + 2000);
    // 4096 bytes take 32.768 ms at 1 Mbit/s, of which there is one in a hundred.
    expect(nextProbeMs({ ...quiet, mbps: 1 })).toBeCloseTo(5000 + 3276.8, 6);
    expect(nextProbeMs({ ...quiet, mbps: 0.01 })).toBe(5000 + 10_000);
    expect(nextProbeMs({ ...quiet, lastSampleMs: Number.NEGATIVE_INFINITY })).toBe(1000 + 2000);
  });

  test('waits for no link that is in doubt, but for the probe before it', () => {
    expect(nextProbeMs({ ...quiet, mbps: 0.01, isDoubted: true })).toBe(5000);
    expect(nextProbeMs({ ...quiet, mbps: 0.01, isDoubted: true, lastProbeMs: 4500 })).toBe(6500);
  });
});
