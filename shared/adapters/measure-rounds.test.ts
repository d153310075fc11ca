import { describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../runtime/clock.ts';
import { seededRandom } from '../runtime/random.ts';
import { median } from '../runtime/statistics.ts';
import { type MeasureRoundsOptions, type MeasuringThread, measureRounds, minimumRuns } from './measure-rounds.ts';

const loadMs = 5;

/** A thread on which time passes as `runMsOf` says, without anything being computed. */
function emulatedThread(clock: FakeClock, runMsOf: (segment: string) => number) {
  const loaded = new Set<string>();
  const visits: { segment: string; runs: number; atMs: number }[] = [];
  let mostLoaded = 0;
  const thread: MeasuringThread = {
    maxSessions: 4,
    async load(name) {
      loaded.add(name);
      mostLoaded = Math.max(mostLoaded, loaded.size);
      clock.advance(loadMs);
      return { loadMs };
    },
    async measure(name, _inputs, { warmUp, runs, gapMs }) {
      expect(loaded).toContain(name);
      const segment = name.replace('profile ', '');
      const timesMs = Array.from({ length: runs }, () => runMsOf(segment));
      visits.push({ segment, runs, atMs: clock.nowMs() });
      for (let run = 0; run < warmUp + runs; run += 1) clock.advance(gapMs + runMsOf(segment));
      return { medianMs: 0, p90Ms: 0, minMs: 0, runs, timesMs };
    },
    unload: async (name) => void loaded.delete(name),
  };
  return { thread, visits, loaded, mostLoaded: () => mostLoaded };
}

function setUp(runMsOf: (segment: string, atMs: number) => number, changes: Partial<MeasureRoundsOptions> = {}) {
  const clock = createFakeClock();
  const emulated = emulatedThread(clock, (segment) => runMsOf(segment, clock.nowMs()));
  const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
  const segment = { toModel: () => new Uint8Array(10), toInputs: () => ({}) };
  const options: MeasureRoundsOptions = {
    thread: emulated.thread,
    segments: new Map(names.map((name) => [name, segment])),
    ...{ runs: 20, gapMs: 2, budgetMs: 1e6, spentMs: 0, measured: new Map(), clock, signal: undefined },
    random: seededRandom(1),
    onProgress: () => undefined,
    onBlock: async () => undefined,
    ...changes,
  };
  return { ...emulated, clock, options };
}

describe('measuring in rounds', () => {
  test('gives every segment all its runs, on several visits that lie apart', async () => {
    const { options, visits, loaded, mostLoaded } = setUp(() => 1);
    const measured = await measureRounds(options);
    for (const name of options.segments.keys()) {
      expect(measured.get(name)?.timesMs).toHaveLength(20);
      const own = visits.filter(({ segment }) => segment === name);
      expect(own.length).toBeGreaterThanOrEqual(5);
      expect(Math.max(...own.map(({ runs }) => runs))).toBe(4);
    }
    expect(loaded.size).toBe(0);
    expect(mostLoaded()).toBe(4);
  });

  test('does not take a slow while of the machine for a slow segment', async () => {
    const { options } = setUp((_, atMs) => (atMs > 300 && atMs < 500 ? 5 : 1));
    const measured = await measureRounds(options);
    expect([...measured.values()].flatMap(({ timesMs }) => timesMs)).toContain(5);
    for (const { timesMs } of measured.values()) expect(median(timesMs)).toBe(1);
  });

  test('goes through the segments in another order each time', async () => {
    const { options, visits } = setUp(() => 1);
    await measureRounds(options);
    const order = visits.map(({ segment }) => segment);
    expect(order.slice(0, 10)).not.toEqual([...options.segments.keys()]);
    expect(order.slice(0, 10).toSorted()).toEqual([...options.segments.keys()]);
    expect(order.slice(10, 20)).not.toEqual(order.slice(0, 10));
  });

  test('keeps to its budget: cheap segments get all their runs, expensive ones fewer', async () => {
    const { options, clock } = setUp((segment) => (segment === 's9' ? 400 : 1), { budgetMs: 6000 });
    const measured = await measureRounds(options);
    expect(clock.nowMs()).toBeLessThanOrEqual(6000);
    for (const [name, { timesMs }] of measured) if (name !== 's9') expect(timesMs).toHaveLength(20);
    const expensive = measured.get('s9')?.timesMs.length ?? 0;
    expect(expensive).toBeGreaterThan(minimumRuns);
    expect(expensive).toBeLessThan(20);
  });

  test('goes over the segments once less where another pass would cost runs', async () => {
    const loadsOf = async (budgetMs: number) => {
      const { options } = setUp(() => 1, { budgetMs });
      const measured = await measureRounds(options);
      for (const { timesMs } of measured.values()) expect(timesMs).toHaveLength(20);
      return measured.get('s0')?.loadMs.length;
    };
    expect(await loadsOf(10_000)).toBe(4);
    expect(await loadsOf(1050)).toBe(3);
  });

  test('makes the least runs of each segment, whatever the budget', async () => {
    const { options } = setUp(() => 100, { budgetMs: 1 });
    const measured = await measureRounds(options);
    for (const { timesMs } of measured.values()) expect(timesMs).toHaveLength(minimumRuns);
  });

  test('goes on from what was measured before', async () => {
    const before = new Map([
      ['s0', { timesMs: Array.from({ length: 20 }, () => 7), loadMs: [1] }],
      ['s1', { timesMs: [7, 7, 7, 7], loadMs: [1] }],
    ]);
    const { options, visits } = setUp(() => 1, { measured: before });
    const measured = await measureRounds(options);
    expect(visits.filter(({ segment }) => segment === 's0')).toEqual([]);
    expect(measured.get('s1')?.timesMs).toHaveLength(20);
    expect(measured.get('s1')?.timesMs.slice(0, 5)).toEqual([7, 7, 7, 7, 1]);
  });

  test('tells progress that never goes back, up to all of it', async () => {
    const seen: [done: number, total: number][] = [];
    const { options } = setUp(() => 1, { onProgress: (done, total) => seen.push([done, total]) });
    await measureRounds(options);
    const done = seen.map(([runs]) => runs);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(seen[0]).toEqual([4, 200]);
    expect(seen.at(-1)).toEqual([200, 200]);
  });

  test('hands out what it has after each block, and stops when it is told to, with nothing left loaded', async () => {
    const stop = new AbortController();
    let blocks = 0;
    const { options, loaded } = setUp(() => 1, {
      signal: stop.signal,
      onBlock: async () => {
        blocks += 1;
        if (blocks === 2) stop.abort();
      },
    });
    await expect(measureRounds(options)).rejects.toMatchObject({ code: 'inference-cancelled' });
    expect(options.measured.size).toBe(8);
    expect(loaded.size).toBe(0);
  });
});
