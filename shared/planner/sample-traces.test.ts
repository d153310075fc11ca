import { expect, test } from 'vitest';
import { tracesOfSamples } from './sample-traces.ts';
import { sampleTrace } from './trace-samples.ts';

test('samples in any order are one trace, each until the next', () => {
  const samples = [
    { atMs: 9000, mbps: 4 },
    { atMs: 5000, mbps: 1 },
    { atMs: 7500, mbps: 2 },
  ];
  const steps = [
    { startMs: 0, mbps: 1 },
    { startMs: 2500, mbps: 2 },
    { startMs: 4000, mbps: 4 },
  ];
  expect(tracesOfSamples('pi-1', samples)).toEqual([{ name: 'pi-1#0', steps, durationMs: 5000 }]);
});

test('a gap of more than five seconds begins another trace', () => {
  const samples = [0, 5000, 10_001].map((atMs) => ({ atMs, mbps: 1 }));
  expect(tracesOfSamples('pi-1', samples).map(({ durationMs }) => durationMs)).toEqual([6000, 1000]);
  expect(tracesOfSamples('pi-1', [])).toEqual([]);
});

test('of several samples at one moment the last counts', () => {
  const samples = [1, 2, 3].map((mbps) => ({ atMs: 1000, mbps }));
  const [trace] = tracesOfSamples('pi-1', samples);
  expect(trace === undefined ? [] : sampleTrace(trace, 1000)).toEqual([3]);
});
