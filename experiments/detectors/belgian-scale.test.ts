import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { dataFile } from '../../shared/testing/data-folder.ts';
import { belgianScale, readTraceSets } from './trace-sets.ts';

test('the Belgian logs are scaled by the factor that reports state, the Oboe traces are not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-traces-'));
  try {
    await Promise.all(['lte-belgium', 'oboe'].map((name) => mkdir(join(folder, name))));
    // 100 and 20 Mbit/s.
    await writeFile(join(folder, 'lte-belgium', 'a.log'), '1 1000 51 3 12500000 1000\n1001 2000 51 3 2500000 1000\n');
    await writeFile(join(folder, 'oboe', 'oboe_traces.csv'), 'trace,start_ms,end_ms,kbps\n0,0,1000,2500\n');
    const rates = readTraceSets(folder).map(({ traces }) => traces.map(({ steps }) => steps.map(({ mbps }) => mbps)));
    expect(rates).toEqual([[[100 * belgianScale, 20 * belgianScale]], [[2.5]]]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the factor brings the fastest line of the logs, 110.97 Mbit/s, just within 10 Mbit/s', () => {
  expect(belgianScale * 110.97).toBeLessThanOrEqual(10);
  expect((belgianScale + 0.001) * 110.97).toBeGreaterThan(10);
});

const path = dataFile('lte-belgium', 'report_bus_0004.log');

test.skipIf(path === undefined)('scaled, the 40 logs lie between 0 and 10 Mbit/s with 2.7 in the mean', () => {
  const [belgian] = readTraceSets(join(dirname(path ?? ''), '..'));
  expect(belgian?.traces).toHaveLength(40);
  const traces = belgian?.traces ?? [];
  const rates = traces.flatMap(({ steps }) => steps.map(({ mbps }) => mbps));
  expect(Math.min(...rates)).toBe(0);
  expect(Math.max(...rates)).toBeCloseTo(9.987, 2);
  const megabits = traces.flatMap(({ steps, durationMs }) =>
    steps.map(({ startMs, mbps }, i) => mbps * ((steps[i + 1]?.startMs ?? durationMs) - startMs)),
  );
  const totalMs = traces.reduce((sum, { durationMs }) => sum + durationMs, 0);
  expect(megabits.reduce((sum, one) => sum + one, 0) / totalMs).toBeCloseTo(30.22 * 0.09, 2);
});
