import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DetectorParameters, defaultDetectorParameters } from '../protocol/detector-settings.ts';
import { seededRandom } from '../runtime/random.ts';
import { median } from '../runtime/statistics.ts';
import { createHeavyTailedNoise, createNoise, noiseKinds } from '../testing/bandwidth-series.ts';
import { dataFile } from '../testing/data-folder.ts';
import { parseTraces } from './bandwidth-trace.ts';
import { type ChangePointDetector, createChangePointDetector, type Detection } from './change-points.ts';

const variation = 0.2;
/** Samples after a change within which it must be found. */
const patience = 10;

/** @returns how many of so many samples at one level were taken for a change */
function falseAlarms(levelMbps: number, noise: () => number, samples: number): number {
  const detector = createChangePointDetector();
  let alarms = 0;
  for (let i = 0; i < samples; i += 1) if (detector.observe(levelMbps * noise()).changed) alarms += 1;
  return alarms;
}

interface Step {
  fromMbps: number;
  factor: number;
  /** Samples before it. */
  before: number;
}

/** @returns how many samples of the new level it took, undefined where the change was not found in time */
function samplesToFind({ fromMbps, factor, before }: Step, noise: () => number): number | undefined {
  const detector = createChangePointDetector();
  for (let i = 0; i < before; i += 1) detector.observe(fromMbps * noise());
  for (let i = 1; i <= patience; i += 1) if (detector.observe(fromMbps * factor * noise()).changed) return i;
  return undefined;
}

/** Up and down by these factors, from levels of 0.3 to 30 Mbit/s, after short and long runs. */
function* manySteps(random: () => number): Generator<Step> {
  for (const size of [2, 2.5, 3, 5, 10]) {
    for (const factor of [size, 1 / size]) {
      for (const before of [5, 10, 30, 100, 300]) {
        for (let i = 0; i < 40; i += 1) yield { fromMbps: 0.3 * 100 ** random(), factor, before };
      }
    }
  }
}

describe('of the steps of ×2 and more', () => {
  for (const kind of noiseKinds) {
    test(`95 % are found within 10 samples, for each size, under ${kind} noise`, () => {
      const random = seededRandom(11);
      const noise = createNoise(kind, variation, random);
      const found = new Map<number, { steps: number; inTime: number }>();
      for (const step of manySteps(random)) {
        const tally = found.get(step.factor) ?? { steps: 0, inTime: 0 };
        tally.steps += 1;
        if (samplesToFind(step, noise) !== undefined) tally.inTime += 1;
        found.set(step.factor, tally);
      }
      expect(found.size).toBe(10);
      for (const [factor, { steps, inTime }] of found) {
        expect(inTime / steps, `×${factor}`).toBeGreaterThanOrEqual(0.95);
      }
    });
  }

  test('95 % are found under tails as heavy as measured links have', () => {
    const random = seededRandom(12);
    const noise = createHeavyTailedNoise(variation, random);
    const steps = [...manySteps(random)];
    const inTime = steps.filter((step) => samplesToFind(step, noise) !== undefined);
    expect(inTime.length / steps.length).toBeGreaterThanOrEqual(0.95);
  });

  test('a great one is found sooner than a small one', () => {
    const random = seededRandom(13);
    const noise = createNoise('log-normal', variation, random);
    const meanSamples = (factor: number): number => {
      const taken = Array.from(
        { length: 200 },
        () => samplesToFind({ fromMbps: 2, factor, before: 50 }, noise) ?? patience,
      );
      return taken.reduce((sum, samples) => sum + samples, 0) / taken.length;
    };
    expect(meanSamples(1 / 10)).toBeLessThan(meanSamples(1 / 2));
    expect(meanSamples(10)).toBeLessThan(meanSamples(2));
  });
});

describe('while the level stays', () => {
  for (const kind of noiseKinds) {
    test(`there is less than one false alarm in 250 samples under ${kind} noise`, () => {
      const random = seededRandom(21);
      const noise = createNoise(kind, variation, random);
      let alarms = 0;
      for (let i = 0; i < 40; i += 1) alarms += falseAlarms(0.3 * 100 ** random(), noise, 1000);
      expect(alarms).toBeLessThanOrEqual(40_000 / 250);
    });
  }

  test('there is less than one false alarm in 250 samples under heavy tails', () => {
    const random = seededRandom(22);
    const noise = createHeavyTailedNoise(variation, random);
    let alarms = 0;
    for (let i = 0; i < 40; i += 1) alarms += falseAlarms(0.3 * 100 ** random(), noise, 1000);
    expect(alarms).toBeLessThanOrEqual(40_000 / 250);
  });

  test('one odd sample is no change, and the run goes on', () => {
    const noise = createNoise('log-normal', variation, seededRandom(24));
    const detector = createChangePointDetector();
    for (let i = 0; i < 50; i += 1) detector.observe(3 * noise());
    expect(detector.observe(1)).toMatchObject({ changed: false, runLength: 51 });
    expect(detector.observe(3)).toMatchObject({ changed: false, runLength: 52 });
  });

  test('the level does not matter: a series twice as fast has the same changes', () => {
    // The prior of the level is the one thing that is not of the samples alone: wide enough, it decides nothing.
    const random = seededRandom(23);
    const noise = createNoise('log-normal', variation, random);
    const series = Array.from({ length: 2000 }, (_, i) => (i % 200 < 100 ? 1 : 2.5) * noise());
    const changesAt = (factor: number): number[] => {
      const detector = createChangePointDetector({ levelSpread: 100 });
      return series.flatMap((mbps, i) => (detector.observe(factor * mbps).changed ? [i] : []));
    };
    expect(changesAt(1).length).toBeGreaterThanOrEqual(19);
    expect(changesAt(2)).toEqual(changesAt(1));
  });
});

const oboePath = dataFile('oboe', 'oboe_traces.csv');

describe.skipIf(oboePath === undefined)('noise drawn from the Oboe traces, scaled to the same variation', () => {
  const traces = oboePath === undefined ? [] : parseTraces('oboe', readFileSync(oboePath, 'utf8'));
  const deviations = traces.flatMap(({ steps }) => {
    const logs = steps.map(({ mbps }) => Math.log(mbps));
    const middle = median(logs);
    return logs.map((log) => log - middle);
  });
  const sigma = Math.sqrt(deviations.reduce((sum, log) => sum + log ** 2, 0) / deviations.length);
  const noiseFrom = (random: () => number) => () =>
    Math.exp((variation / sigma) * (deviations[Math.floor(random() * deviations.length)] ?? 0));

  test('has much heavier tails than a normal distribution', () => {
    const fourth = deviations.reduce((sum, log) => sum + (log / sigma) ** 4, 0) / deviations.length;
    expect(fourth).toBeGreaterThan(6);
  });

  test('leaves less than one false alarm in 250 samples', () => {
    const random = seededRandom(31);
    let alarms = 0;
    for (let i = 0; i < 40; i += 1) alarms += falseAlarms(0.3 * 100 ** random(), noiseFrom(random), 1000);
    expect(alarms).toBeLessThanOrEqual(40_000 / 250);
  });

  test('leaves 95 % of the steps of ×2 and more found within 10 samples', () => {
    const random = seededRandom(32);
    const noise = noiseFrom(random);
    const steps = [...manySteps(random)];
    const inTime = steps.filter((step) => samplesToFind(step, noise) !== undefined);
    expect(inTime.length / steps.length).toBeGreaterThanOrEqual(0.95);
  });
});

describe('the current run', () => {
  test('begins where bandwidth changed and has its mean', () => {
    const detector = createChangePointDetector();
    for (let i = 0; i < 30; i += 1) detector.observe(8);
    const after = Array.from({ length: 15 }, () => detector.observe(2));
    expect(after.filter(({ changed }) => changed)).toHaveLength(1);
    expect(after.at(-1)?.runLength).toBe(15);
    expect(after.at(-1)?.meanMbps).toBeCloseTo(2, 9);
  });

  test('has all its samples in its length, however long it is', () => {
    const detector = createChangePointDetector();
    const last = Array.from({ length: 5000 }, () => detector.observe(2)).at(-1);
    expect(last).toMatchObject({ changed: false, runLength: 5000 });
  });

  test('lasts through an outage as a run of its own', () => {
    const detector = createChangePointDetector();
    for (let i = 0; i < 30; i += 1) detector.observe(8);
    const outage = Array.from({ length: 5 }, () => detector.observe(0));
    const back = Array.from({ length: 5 }, () => detector.observe(8));
    expect(outage[0]?.changed).toBe(true);
    expect(outage.at(-1)).toMatchObject({ runLength: 5 });
    expect(outage.at(-1)?.meanMbps).toBeCloseTo(defaultDetectorParameters.floorMbps, 9);
    expect(back.filter(({ changed }) => changed)).toHaveLength(1);
    expect(back.at(-1)).toMatchObject({ runLength: 5 });
  });
});

const parameters: fc.Arbitrary<Partial<DetectorParameters>> = fc.record(
  {
    expectedRunSamples: fc.integer({ min: 2, max: 1000 }),
    typicalMbps: fc.double({ min: 0.01, max: 100, noNaN: true }),
    levelSpread: fc.double({ min: 1.5, max: 20, noNaN: true }),
    noise: fc.double({ min: 0.01, max: 1, noNaN: true }),
    noiseSamples: fc.double({ min: 1, max: 100, noNaN: true }),
    confidence: fc.double({ min: 0.5, max: 0.999, noNaN: true }),
    confirmSamples: fc.integer({ min: 1, max: 10 }),
    memorySamples: fc.integer({ min: 2, max: 200 }),
    negligibleMass: fc.constantFrom(0, 1e-9, 1e-4, 1e-3),
    maxRunLengths: fc.integer({ min: 10, max: 200 }),
  },
  { requiredKeys: [] },
);
const sample = fc.oneof(
  fc.constantFrom(0, 1e-300, 1e-9, 0.01, 1, 1e9, Number.MAX_VALUE),
  fc.double({ min: 0, max: 50, noNaN: true }),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
);

describe('whatever is observed', () => {
  test('run lengths and means are what they can be, with whatever parameters', () => {
    fc.assert(
      fc.property(parameters, fc.array(sample, { maxLength: 120 }), (settings, samples) => {
        const detector = createChangePointDetector(settings);
        const { floorMbps } = defaultDetectorParameters;
        const most = Math.max(floorMbps, ...samples);
        for (const [index, mbps] of samples.entries()) {
          const { runLength, meanMbps, changed } = detector.observe(mbps);
          expect(runLength >= 1 && runLength <= index + 1 && Number.isInteger(runLength)).toBe(true);
          expect(meanMbps).toBeGreaterThanOrEqual(floorMbps * 0.999);
          expect(meanMbps / 1.001).toBeLessThanOrEqual(most);
          if (index === 0) expect(changed).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('what is no bandwidth is refused with a code and leaves no trace', () => {
    const wrong = [-1, -1e-9, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 30 }), fc.constantFrom(...wrong), (samples, mbps) => {
        const detector = createChangePointDetector();
        for (const one of samples) detector.observe(one);
        const before = detector.snapshot();
        expect(() => detector.observe(mbps)).toThrow(expect.objectContaining({ code: 'bandwidth-invalid' }));
        expect(detector.snapshot()).toEqual(before);
      }),
    );
  });
});

/** @returns a detector of what was stored as text */
function throughText(detector: ChangePointDetector, settings: Partial<DetectorParameters>): ChangePointDetector {
  return createChangePointDetector(settings, JSON.parse(JSON.stringify(detector.snapshot())));
}

describe('a snapshot', () => {
  test('goes on bit by bit as the detector it is of, through JSON', () => {
    const series = fc.array(sample, { maxLength: 60 });
    fc.assert(
      fc.property(parameters, series, series, (settings, before, later) => {
        const detector = createChangePointDetector(settings);
        for (const mbps of before) detector.observe(mbps);
        const restored = throughText(detector, settings);
        const answers = (one: ChangePointDetector): Detection[] => later.map((mbps) => one.observe(mbps));
        expect(answers(restored)).toEqual(answers(detector));
        expect(restored.snapshot()).toEqual(detector.snapshot());
      }),
      { numRuns: 500 },
    );
  });

  test('of other parameters, or damaged, is refused', () => {
    const detector = createChangePointDetector();
    for (let i = 0; i < 30; i += 1) detector.observe(i < 15 ? 1 : 4);
    const good = detector.snapshot();
    const wrong = [
      {},
      { ...good, schema: 2 },
      { ...good, parameters: { ...good.parameters, noise: 0.3 } },
      { ...good, runLength: 1.5 },
      { ...good, runLength: 0 },
      { ...good, runs: [] },
      { ...good, runs: good.runs.slice(1) },
      { ...good, runs: good.runs.slice(0, -1) },
      { ...good, runs: good.runs.toReversed() },
      { ...good, runs: good.runs.map((run) => ({ ...run, probability: Number.NaN })) },
      { ...good, runs: good.runs.map((run) => ({ ...run, mean: Number.POSITIVE_INFINITY })) },
      { ...good, runs: good.runs.map((run) => ({ ...run, beta: 0 })) },
      { ...good, runs: good.runs.map((run) => ({ ...run, runLength: run.runLength + 1 })) },
    ];
    for (const snapshot of wrong) {
      const restore = () => createChangePointDetector({}, JSON.parse(JSON.stringify(snapshot)));
      expect(restore, JSON.stringify(snapshot)).toThrow(expect.objectContaining({ code: 'detector-snapshot-invalid' }));
    }
    expect(createChangePointDetector({}, good).snapshot()).toEqual(good);
  });
});

test('parameters out of range are refused by name', () => {
  const wrong: Partial<DetectorParameters>[] = [
    { noise: 0 },
    { expectedRunSamples: 1 },
    { typicalMbps: Number.NaN },
    { floorMbps: 0 },
    { confidence: 1 },
    { memorySamples: 2.5 },
    { maxRunLengths: 0 },
  ];
  for (const settings of wrong) {
    expect(() => createChangePointDetector(settings)).toThrow(
      expect.objectContaining({
        code: 'detector-parameters-invalid',
        message: expect.stringContaining(Object.keys(settings)[0] ?? ''),
      }),
    );
  }
});
