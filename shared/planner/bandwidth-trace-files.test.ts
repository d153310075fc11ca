import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { median, percentile } from '../runtime/statistics.ts';
import { dataFile } from '../testing/data-folder.ts';
import { type BandwidthTrace, parseTraces, transmissionEndMs } from './bandwidth-trace.ts';

/** The figures of a log as the data set's description gives them. */
interface LogFigures {
  name: string;
  lines: number;
  seconds: number;
  meanMbps: number;
  least: number;
  middle: number;
  most: number;
  zeros: number;
}

const logs: LogFigures[] = [
  {
    name: 'report_bicycle_0002.log',
    lines: 658,
    seconds: 657.1,
    meanMbps: 25.48,
    least: 0,
    middle: 22.74,
    most: 70.9,
    zeros: 15,
  },
  {
    name: 'report_bus_0004.log',
    lines: 281,
    seconds: 280.1,
    meanMbps: 59.72,
    least: 0,
    middle: 53.94,
    most: 110.97,
    zeros: 1,
  },
  {
    name: 'report_train_0003.log',
    lines: 532,
    seconds: 540.9,
    meanMbps: 20.92,
    least: 0,
    middle: 20.27,
    most: 71.12,
    zeros: 26,
  },
  {
    name: 'report_tram_0001.log',
    lines: 572,
    seconds: 571.2,
    meanMbps: 21.65,
    least: 0.17,
    middle: 14.32,
    most: 52.52,
    zeros: 0,
  },
];

function meanMbps({ steps, durationMs }: BandwidthTrace): number {
  const megabits = steps.reduce(
    (sum, { startMs, mbps }, i) => sum + mbps * ((steps[i + 1]?.startMs ?? durationMs) - startMs),
    0,
  );
  return megabits / durationMs;
}

function rates({ steps }: BandwidthTrace): number[] {
  return steps.map(({ mbps }) => mbps);
}

describe('Belgian 4G/LTE logs', () => {
  for (const figures of logs) {
    const path = dataFile('lte-belgium', figures.name);
    test.skipIf(path === undefined)(`${figures.name} has the published figures`, () => {
      const [trace] = parseTraces(figures.name, readFileSync(path ?? '', 'utf8'));
      if (trace === undefined) throw new Error('no trace');
      const values = rates(trace);
      expect(values).toHaveLength(figures.lines);
      expect(trace.durationMs / 1000).toBeCloseTo(figures.seconds, 1);
      expect(meanMbps(trace)).toBeCloseTo(figures.meanMbps, 2);
      expect(Math.min(...values)).toBeCloseTo(figures.least, 2);
      expect(median(values)).toBeCloseTo(figures.middle, 2);
      expect(Math.max(...values)).toBeCloseTo(figures.most, 2);
      expect(values.filter((mbps) => mbps === 0)).toHaveLength(figures.zeros);
    });
  }

  const path = dataFile('lte-belgium', 'report_bus_0004.log');
  test.skipIf(path === undefined)('all 40 are whole: 18,036 lines of 300.6 minutes, 30.22 Mbit/s in the mean', () => {
    const folder = dirname(path ?? '');
    const traces = readdirSync(folder).flatMap((name) => parseTraces(name, readFileSync(join(folder, name), 'utf8')));
    expect(traces).toHaveLength(40);
    expect(traces.flatMap(rates)).toHaveLength(18_036);
    expect(traces.flatMap(rates).filter((mbps) => mbps === 0)).toHaveLength(236);
    const durationMs = traces.reduce((sum, trace) => sum + trace.durationMs, 0);
    expect(durationMs / 60_000).toBeCloseTo(300.6, 1);
    const megabits = traces.reduce((sum, trace) => sum + meanMbps(trace) * trace.durationMs, 0);
    expect(megabits / durationMs).toBeCloseTo(30.22, 2);
  });
});

const oboePath = dataFile('oboe', 'oboe_traces.csv');

describe.skipIf(oboePath === undefined)('the Oboe table', () => {
  const traces = oboePath === undefined ? [] : parseTraces('oboe', readFileSync(oboePath, 'utf8'));

  test('has 428 traces of 49 chunks, 21 hours, with the published rates', () => {
    expect(traces).toHaveLength(428);
    expect(traces.every(({ steps }) => steps.length === 49)).toBe(true);
    const seconds = traces.map(({ durationMs }) => durationMs / 1000);
    expect(Math.round(Math.min(...seconds))).toBe(134);
    expect(Math.round(Math.max(...seconds))).toBe(216);
    expect(Math.round(median(seconds))).toBe(178);
    expect(seconds.reduce((sum, one) => sum + one, 0) / 3600).toBeCloseTo(21, 1);
    const values = traces.flatMap(rates);
    expect(Math.min(...values)).toBeCloseTo(0.111, 3);
    expect(Math.max(...values)).toBeCloseTo(13.161, 3);
    const shares = { 0.05: 0.592, 0.25: 1.469, 0.5: 2.754, 0.75: 3.976, 0.95: 5.456 };
    for (const [share, mbps] of Object.entries(shares)) {
      expect(Math.abs(percentile(values, Number(share)) - mbps)).toBeLessThan(0.002);
    }
  });

  test('gives traces that go on for ever: a transmission over several rounds ends', () => {
    for (const trace of traces) {
      let now = 0;
      for (let i = 0; i < 200; i += 1) {
        const endMs = transmissionEndMs(trace, now, 1 << 20);
        expect(endMs).toBeGreaterThan(now);
        now = endMs;
      }
      expect(now).toBeGreaterThan(trace.durationMs);
    }
  });
});
