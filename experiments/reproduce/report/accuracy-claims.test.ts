import { describe, expect, test } from 'vitest';
import { deviceOnly } from '../methods/device-only.ts';
import { product } from '../methods/product.ts';
import type { AccuracyCase } from '../served.ts';
import { sampleAccuracy } from '../testing/sample-data.ts';
import { accuracyClaims } from './accuracy-claims.ts';
import type { Claim } from './document.ts';

function claim(part: string, change: (measured: AccuracyCase) => void = () => {}): Claim {
  const measured = sampleAccuracy();
  change(measured);
  const found = accuracyClaims(measured).filter(({ statement }) => statement.startsWith(part));
  expect(found).toHaveLength(1);
  return found[0] ?? expect.unreachable(part);
}

/** So that the method takes so long, on an exit of that accuracy, at every deadline. */
function change({ sweep }: AccuracyCase, name: string, { ms, accuracy }: { ms: number; accuracy: number }): void {
  for (const { outcomes } of sweep.points) {
    for (const { method, selection, measured } of outcomes) {
      if (method !== name) continue;
      if (measured !== null) measured.latenciesMs = [ms];
      if (selection !== null) selection.accuracy = accuracy;
    }
  }
}

const allLate = (measured: AccuracyCase): void => {
  for (const { name } of measured.sweep.methods) change(measured, name, { ms: 9000, accuracy: 0.8 });
  for (const { frames } of measured.served)
    for (const frame of frames) Object.assign(frame, { met: false, accuracy: 0.8 });
};
const product85 = (measured: AccuracyCase): void => change(measured, product.name, { ms: 50, accuracy: 0.85 });
const rivalAt = (accuracy: number) => (measured: AccuracyCase) => {
  product85(measured);
  change(measured, deviceOnly.name, { ms: 50, accuracy });
};

describe('that a method is at least as accurate as others at every deadline', () => {
  test('holds where none has more, and equal to three digits is not more', () => {
    expect(claim(product.name, rivalAt(0.85)).verdict).toBe('holds');
    expect(claim(product.name, rivalAt(0.8504)).verdict).toBe('holds');
  });

  test('holds not where one has, and says which, at which deadline', () => {
    const fails = claim(product.name, rivalAt(0.86));
    expect(fails.verdict).toBe('holds not');
    expect(fails.reason).toContain(`100 ms, 0 of 1 frames late, than ${deviceOnly.name} (0.860)`);
    expect(fails.reason).not.toContain(claim(product.name, rivalAt(0.8)).reason);
  });

  test('says nothing where all methods miss all deadlines', () => {
    for (const part of [product.name, 'in service']) {
      const none = claim(part, allLate);
      expect(none.verdict).toBe('nothing to compare');
      expect(none.ours).toContain('all methods miss all deadlines: nothing to compare');
    }
  });

  test('tells of the deadlines that all miss where it holds at others', () => {
    const some = claim(product.name, (measured) => {
      allLate(measured);
      const last = measured.sweep.points.at(-1)?.outcomes.find(({ method }) => method === product.name);
      if (last?.measured) last.measured.latenciesMs = [50];
    });
    expect(some).toMatchObject({ verdict: 'holds', ours: '-0.800, 0.800; all methods miss 100 ms' });
  });

  test('of frames in service tells where they were finished, and of u8 only where it was sent', () => {
    const local = (measured: AccuracyCase): void => {
      rivalAt(0.86)(measured);
      for (const { frames } of measured.served) {
        for (const frame of frames) Object.assign(frame, { exit: 'exit1', finishedOn: 'device', accuracy: 0.8 });
      }
    };
    expect(claim('in service', local)).toMatchObject({
      verdict: 'holds not',
      reason: expect.stringContaining('finished 1 on exit1 of the device, than'),
    });
    expect(claim('in service', rivalAt(0.8))).toMatchObject({
      verdict: 'holds',
      reason: expect.stringContaining('With u8'),
    });
    const inF32 = claim('in service', (measured) => {
      for (const { frames } of measured.served) for (const frame of frames) frame.encoding = 'f32';
    });
    expect(inF32.reason).not.toContain('u8');
  });
});
