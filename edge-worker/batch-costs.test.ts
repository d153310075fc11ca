import { describe, expect, test } from 'vitest';
import { type BatchCosts, type BatchLimits, createBatchCosts } from './batch-costs.ts';
import { createDurationEstimate } from './duration-estimate.ts';

const limits: BatchLimits = { maxBatch: 16, maxBatchMs: 50 };
const at = (thread: number, nowMs = 0) => ({ thread, nowMs });

/** @returns costs of a segment of which one request takes 4 ms */
function costs(): BatchCosts {
  return createBatchCosts(createDurationEstimate(4));
}

describe('sizes of batches', () => {
  test('are used only where they were tried, and only as long as they pay', () => {
    const batches = costs();
    expect(batches.sizes(0)).toEqual([1]);
    batches.tried(2, 6, at(0));
    batches.tried(4, 17, at(0));
    expect(batches.sizes(0)).toEqual([1, 2]);
    expect(batches.sizes(1)).toEqual([1]);
    expect(batches.sizes()).toEqual([1, 2]);
    for (let i = 0; i < 40; i += 1) batches.observe(2, 9);
    expect(batches.sizes(0)).toEqual([1]);
    for (let i = 0; i < 40; i += 1) batches.observe(4, 12);
    expect(batches.sizes(0)).toEqual([1, 4]);
  });

  test('cost what was measured, before that as much as their requests one by one', () => {
    const batches = costs();
    expect([1, 2, 8].map(batches.ms)).toEqual([4, 8, 32]);
    batches.tried(8, 20, at(0));
    expect(batches.ms(8)).toBe(20);
  });

  test('are tried in turn, thread by thread, up to what may keep a thread so long', () => {
    const batches = costs();
    expect(batches.untried(0, limits, 0)).toBe(2);
    batches.tried(2, 6, at(0));
    expect(batches.untried(0, limits, 0)).toBe(4);
    expect(batches.untried(1, limits, 0)).toBe(2);
    for (const size of [4, 8]) batches.tried(size, size, at(0));
    // 16 requests would take 64 ms one by one.
    expect(batches.untried(0, limits, 0)).toBeUndefined();
    expect(batches.untried(1, { ...limits, maxBatch: 1 }, 0)).toBeUndefined();
  });

  test('that did not pay are tried again after a minute, and then judged by what they cost now', () => {
    const batches = costs();
    batches.tried(2, 100, at(0));
    for (const size of [4, 8]) batches.tried(size, size, at(0));
    expect(batches.untried(0, limits, 60_000)).toBeUndefined();
    expect(batches.untried(0, limits, 60_001)).toBe(2);
    batches.tried(2, 6, at(0, 60_001));
    expect(batches.sizes(0)).toContain(2);
  });

  test('are tried anew once the thread has the segment no longer, and never again once refused', () => {
    const batches = costs();
    batches.tried(2, 6, at(0));
    batches.forget(0);
    expect(batches.sizes(0)).toEqual([1]);
    expect(batches.untried(0, limits, 0)).toBe(2);
    batches.tried(2, 6, at(0));
    batches.refuse();
    expect(batches.sizes(0)).toEqual([1]);
    expect(batches.untried(0, limits, 0)).toBeUndefined();
  });
});
