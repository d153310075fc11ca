import { describe, expect, test } from 'vitest';
import type { DynamicCase } from '../data.ts';
import { changeMethod, changeVariants, claim, outcomes, slow } from '../testing/changed-claims.ts';

describe.each(outcomes)('the claim “… %s …”', (part, break_) => {
  const steady = (first: DynamicCase): void =>
    changeVariants(first, { met: 1200, throughput: slow.throughput.map((x) => 2 * x) });

  test('holds with data that bear it out, and holds no longer where one figure is bad', () => {
    expect(claim(part, steady).verdict).toBe('holds');
    const broken = claim(part, (first) => {
      steady(first);
      break_(first);
    });
    expect(broken.verdict).toBe('holds not');
  });

  test('gives another reason for either verdict, the failing one with what fails', () => {
    const [holds, fails] = [claim(part, steady), claim(part, break_)];
    expect(fails.reason).toMatch(
      /^It fails at (“link-bound”, branchy-alexnet-128, all(: 39 of 40|, belgian|, oboe)|a, “link-bound”)/,
    );
    expect(holds.reason).not.toContain('fails');
    expect(fails.reason).not.toContain(holds.reason);
  });

  test('is not said to hold without any data', () => {
    const { verdict } = claim(part, (first) => Object.assign(first, { sets: [], variants: [], samples: [] }));
    expect(verdict).toBe('not measured');
  });
});

test('a method that was not replayed is not found to be beaten', () => {
  const withoutStatic = (first: DynamicCase): void => {
    for (const { objectives } of first.sets) {
      for (const result of objectives)
        result.methods = result.methods.filter(({ name }) => name !== 'static, from the start');
    }
  };
  expect(claim('objective accuracy: dynamic has', withoutStatic).verdict).toBe('holds not');
});

describe('the oracle’s share', () => {
  test('is not judged at a deadline at which one side alone comes close', () => {
    const close = claim(
      'always local and always edge',
      ({ trials }) => void Object.assign(trials[0] ?? {}, { alwaysEdge: 0.95 }),
    );
    expect(close).toMatchObject({
      verdict: 'nothing to compare',
      ours: expect.stringContaining('one side alone 95.0 %'),
    });
  });
});

describe('the oracle’s share where always exit 1 stays below as well', () => {
  const part = 'always exit 1 stays below';
  const short = (set: number, name: string, accuracyIfMet: number) => (first: DynamicCase) => {
    const method = first.short[0]?.sets[set]?.methods.find((each) => each.name === name);
    Object.assign(method ?? expect.unreachable(), { accuracyIfMet });
  };

  test('is judged at every such deadline of every set', () => {
    expect(claim(part)).toMatchObject({ verdict: 'holds', ours: expect.stringContaining('holds at 2 of 2: ') });
    expect(claim(part, short(1, 'dynamic', 0.38))).toMatchObject({
      verdict: 'holds not',
      ours: expect.stringContaining('holds at 1 of 2: '),
      reason: expect.stringContaining('It fails at “link-bound”, branchy-alexnet-128, all, 137 ms, oboe: 92.7 %.'),
    });
  });

  test('is found in any case, also one that is not the first, and at the deadline that all else was replayed at', () => {
    const found = claim(part, (first, data) => {
      const other = structuredClone(first);
      short(0, 'dynamic', 0.3)(other);
      data.cases.push({ ...other, setting: 'paper' });
    });
    expect(found).toMatchObject({ verdict: 'holds not', reason: expect.stringContaining('fails at “paper”') });
    const main = claim(part, (first) => {
      first.short = [];
      for (const name of ['always exit 1', 'always local', 'always edge']) {
        changeMethod(first, ['belgian', 'accuracy', name], { accuracyIfMet: 0.7 });
      }
    });
    expect(main).toMatchObject({ verdict: 'holds', ours: expect.stringContaining('293 ms, belgian') });
  });

  test('leaves out where the oracle hardly ever meets the deadline', () => {
    const hardly = claim(part, (first) => {
      const best = first.short[0]?.sets[1]?.methods.find(({ name }) => name === 'oracle');
      Object.assign(best ?? expect.unreachable(), { met: 11 });
    });
    expect(hardly.ours).toContain('holds at 1 of 1: ');
  });

  test('leaves out where one of the three comes close, and is not measured where one always does', () => {
    expect(claim(part, short(0, 'always edge', 0.4)).ours).toContain('holds at 1 of 1: ');
    const none = claim(part, (first) => {
      short(0, 'always edge', 0.4)(first);
      short(1, 'always edge', 0.38)(first);
    });
    expect(none).toMatchObject({ verdict: 'not measured', ours: expect.stringContaining('at none of 4') });
    expect(none.ours).toContain('always exit 1 0.0 %, always local 0.0 %, always edge 92.7 %');
  });
});

describe('what a verdict does not ask is told beside it', () => {
  test('every method that is ahead of dynamic, not one', () => {
    const better = (first: DynamicCase): void => {
      for (const name of ['nearest state', 'moving average', 'static, replanned']) {
        changeMethod(first, ['belgian', 'accuracy', name], { meanReward: 0.9, accuracyIfMet: 0.9 });
      }
    };
    const ahead = 'static, replanned 0.90000, nearest state 0.90000, moving average 0.90000';
    expect(claim('objective accuracy: dynamic has', better)).toMatchObject({
      verdict: 'holds',
      ours: expect.stringContaining(ahead),
    });
    expect(claim('objective accuracy: neither', better).ours).toContain(`ahead of dynamic in accuracy: ${ahead}`);
  });

  test('the deadlines of the real frames beside the virtual ones', () => {
    const late = claim('in virtual time: at least', ({ samples }) => {
      for (const { real } of samples) real.met = 38;
    });
    expect(late.verdict).toBe('holds');
    expect(late.ours).toContain(
      'in real time, of the sample: “link-bound”, branchy-alexnet-128, all: 38 of 40 (95.000 %), late at a 38 of 40',
    );
    expect(late.reason).toContain('this holds in virtual time alone');
  });

  test('fallbacks, deadlines and accuracies that differ between virtual and real time', () => {
    const apart = claim('virtual and real time agree', ({ samples }) => {
      for (const { real } of samples) Object.assign(real, { fellBack: 23, accuracyIfMet: 0.85 });
    });
    expect(apart.verdict).toBe('holds');
    expect(apart.ours).toContain(
      'a, “link-bound”, branchy-alexnet-128, all, of 40 frames fell back 23 really, 1 virtually, accuracy 0.8500 really, 0.8700 virtually',
    );
    expect(apart.reason).toContain('Throughput is all that this says');
    expect(claim('virtual and real time agree').ours).toContain('does not ask: nothing');
  });
});
