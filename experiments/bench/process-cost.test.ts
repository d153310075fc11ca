import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { costOfProcess } from './process-cost.ts';

test('what a process computes is counted, and never as more than all processors together can', () => {
  const startMs = performance.now();
  const before = costOfProcess(process.pid);
  let now = before;
  while (now.cpuMs < before.cpuMs + 20) now = costOfProcess(process.pid);
  const elapsedMs = performance.now() - startMs;
  expect(now.cpuMs - before.cpuMs).toBeLessThan(1.2 * availableParallelism() * elapsedMs + 20);
  expect(now.memoryMib).toBeGreaterThan(10);
});

test('of a process that is not there nothing is told', () => {
  expect(() => costOfProcess(2 ** 30)).toThrow(expect.objectContaining({ code: 'experiment-failed' }));
});
