import { expect, test } from 'vitest';
import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createLinkMonitor } from './link-monitor.ts';

const report: WorkerReport = { spreadUs: 0, spreadBytes: 0, queueUs: 0, computeUs: 0, totalUs: 0 };
const bytes = 10_000;

test('what was sent before the link was given up says nothing of the one that came back', () => {
  const clock = createFakeClock();
  const monitor = createLinkMonitor(clock);
  clock.advance(5000);
  monitor.reset();
  monitor.observeRtt(0, report);
  clock.advance(10);
  // Sent at 5000, after the reset: 10,000 bytes in 10 ms are 8 Mbit/s.
  expect(monitor.observe('passive', bytes, 10, report)).toBeCloseTo(8, 6);
  // Sent at 2010, answered now.
  expect(monitor.observe('passive', bytes, 3000, report)).toBeUndefined();
  monitor.observeMissing(bytes, 3000);
  monitor.observeRtt(3000, report);
  expect(monitor.link()?.uplinkMbps).toBeCloseTo(8, 6);
  expect(monitor.link()?.rttMs).toBe(0);
  expect(monitor.drain()).toHaveLength(1);
});

test('the queue that a worker tells of fades without news', () => {
  const clock = createFakeClock();
  const monitor = createLinkMonitor(clock);
  clock.advance(100);
  monitor.observe('passive', bytes, 100, { ...report, queueUs: 10_000, totalUs: 20_000 });
  const told = monitor.queueMs();
  expect(told).toBeGreaterThan(0);
  clock.advance(2000);
  expect(monitor.queueMs()).toBeCloseTo(told / 2, 9);
});
