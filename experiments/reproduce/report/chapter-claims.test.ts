import { describe, expect, test } from 'vitest';
import { experiments } from '../experiments.ts';
import { sampleData } from '../testing/sample-data.ts';
import type { Claim } from './document.ts';

/** @returns the claim of an experiment's chapter over made-up data of which every such piece of text is another */
function claim(experiment: string, statement: string, replaced: readonly [RegExp, string] = [/^$/, '']): Claim {
  const data = sampleData().find((file) => file.experiment === experiment)?.data;
  const text = JSON.stringify(data).replace(...replaced);
  const chapter = experiments.find(({ name }) => name === experiment)?.chapter(JSON.parse(text));
  const found = chapter?.claims.filter((each) => each.statement.includes(statement)) ?? [];
  expect(found).toHaveLength(1);
  return found[0] ?? expect.unreachable(statement);
}

/** Where a single figure makes a statement fail, and what its reason then names. */
const cases: readonly [experiment: string, statement: string, change: readonly [RegExp, string], named: string][] = [
  ['motivation', 'order of magnitude', [/"median":1985/, '"median":250'], '2.0 times'],
  ['layers', 'not alike', [/"ownMs":0\.3/, '"ownMs":3'], 'conv1'],
  ['exits', 'five exits', [/"paperLayers":19/, '"paperLayers":18'], 'exit 3 (18, the paper’s 19)'],
  ['exits', 'more accurate', [/"accuracy":0\.84/, '"accuracy":0.81'], 'exit3 (81.0 %)'],
  ['agreement', 'from measured profiles is', [/"measuredMs":\d+/g, '"measuredMs":9999'], '×1 and 10 Mbit/s'],
  ['agreement', 'from regressions alone', [/"measuredMs":\d+/g, '"measuredMs":9999'], '×20 and 0.25 Mbit/s'],
  ['agreement', 'where nothing is emulated', [/"measuredMs":\d+/g, '"measuredMs":9999'], '×1 and 10 Mbit/s'],
  [
    'agreement',
    'do not hold that bar',
    [/("profiles":)([\d.]+)(,"regressions":[\d.]+,"perturbed":)[\d.]+/g, '$1$2$3$2'],
    '×1 and 10 Mbit/s (2.0 %)',
  ],
];

describe.each(cases)('in the chapter %s the claim “… %s …”', (experiment, statement, change, named) => {
  test('holds, and holds not where one figure is another, each with its own reason', () => {
    const [holds, fails] = [claim(experiment, statement), claim(experiment, statement, change)];
    expect([holds.verdict, fails.verdict]).toEqual(['holds', 'holds not']);
    expect(fails.reason).toContain(named);
    expect(fails.reason).not.toContain(holds.reason);
  });
});

describe('that wrong profiles fail the bar', () => {
  const part = 'do not hold that bar';

  test('names where they do and counts the processors and links', () => {
    const { ours } = claim('agreement', part);
    expect(ours).toMatch(
      /^beyond it at 2 of 2 processors and links, ×1 and 10 Mbit\/s \([\d.]+ %\), ×20 and 0.25 Mbit\/s/,
    );
    expect(ours).toContain('; nowhere nearer than the right ones');
  });

  test('names where they lie nearer than the right ones', () => {
    const asMeasured =
      /("measuredMs":([\d.]+),"predictedMs":\{"profiles":[\d.]+,"regressions":[\d.]+,"perturbed":)[\d.]+/g;
    expect(claim('agreement', part, [asMeasured, '$1$2']).ours).toBe(
      'beyond it at 0 of 2 processors and links; nearer than the right ones at 2: ×1 and 10 Mbit/s (0.0 % against 2.0 %), ' +
        '×20 and 0.25 Mbit/s (0.0 % against 2.0 %)',
    );
  });
});

describe('the chapter of the layers', () => {
  /** Layers of 0.25 + 1 + 0 ms, and a factor of 1000 by a least time of 2.3 ms. */
  function text(wholeMs: number): string {
    const data = sampleData().find((file) => file.experiment === 'layers')?.data;
    const changed: unknown = JSON.parse(JSON.stringify(data).replace('"wholeMs":2.2', `"wholeMs":${wholeMs}`));
    return JSON.stringify(experiments.find(({ name }) => name === 'layers')?.chapter(changed).blocks);
  }

  test('tells what the layers add up to beside what the branch takes, where a time was asked for', () => {
    expect(text(2.2)).toContain('where the deepest exit is to take 2.300 s, the column adds up to 1.250 s');
    expect(text(2.2)).toContain('takes 2.200 ms, 76.0 % more than they do, times 1000 2.200 s');
    expect(text(2.2)).toContain('3 calls of 0.050 ms (0.150 ms');
    expect(text(1)).toContain('the branch run as one piece 1.00 ms, 20.0 % less than they do;');
  });

  test.each([
    [2.2, '2.300 ms, 4.5 % more than that median, for the machine was slower when it was timed for the factor: '],
    [2.3, '2.300 ms, as much as that median: '],
    [2.5, '2.300 ms, 8.0 % less than that median: '],
  ])('says of a branch of %d ms on which side of it the factor’s least time lies', (wholeMs, said) => {
    expect(text(wholeMs)).toContain(said);
    expect(text(wholeMs)).not.toMatch(/-[\d.]+ %/);
  });

  test('promises no time of frames, which the chapter on motivation has', () => {
    expect(text(2.2)).not.toContain('therefore');
    expect(text(2.2)).toContain('What frames took, and what the device predicted with its corrections, is device-only');
  });
});

test('accuracies that the manifest lacks are not said to rise', () => {
  expect(claim('exits', 'more accurate', [/"accuracy":0\.8,/, '"accuracy":null,']).verdict).toBe('not measured');
});
