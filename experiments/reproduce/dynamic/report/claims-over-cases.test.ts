import { expect, test } from 'vitest';
import type { DynamicCase, DynamicData } from '../data.ts';
import { changeMethod, changeVariants, claim, outcomes, slow } from '../testing/changed-claims.ts';

/** One like the first in another setting; `change` is made to it alone. */
const withOther =
  (change: (other: DynamicCase) => void) =>
  (first: DynamicCase, data: DynamicData): void => {
    changeVariants(first, { met: 1200, throughput: slow.throughput.map((x) => 2 * x) });
    const other = structuredClone(first);
    Object.assign(other, { setting: 'paper', variants: [], samples: [] });
    change(other);
    data.cases.push(other);
  };
const inAnyCase = outcomes.slice(0, 10).filter(([part]) => !/by default|real time|varies by|back to back/.test(part));

test.each(inAnyCase)('the claim “… %s …” fails where only the second one fails, which is named', (part, break_) => {
  expect(
    claim(
      part,
      withOther(() => {}),
    ).verdict,
  ).toBe('holds');
  const failing = claim(part, withOther(break_));
  expect(failing.verdict).toBe('holds not');
  expect(failing.reason).toMatch(/^It fails at “paper”, branchy-alexnet-128, all, (belgian|oboe): /);
  expect(failing.ours).toContain('something to compare at 4 of 4 sets of traces, holds at 3; ');
});

test('claims on what only one case was replayed with say so', () => {
  const alone = '1 of 2 cases alone';
  for (const part of ['by default', 'varies by 2 %', 'back to back', 'in real time, over all']) {
    expect(
      claim(
        part,
        withOther(() => {}),
      ).ours,
      part,
    ).toContain(alone);
    expect(
      claim(
        part,
        withOther(() => {}),
      ).emulation,
      part,
    ).not.toContain('“paper”');
  }
});

test('the bar for deadlines asks for nothing where they are shorter, which is told', () => {
  const tooShort = (other: DynamicCase): void => {
    changeMethod(other, ['oboe', 'accuracy', 'dynamic'], { met: 0 });
    Object.assign(other, { deadlineMs: 234, trials: [] });
  };
  expect(claim('in virtual time: at least', withOther(tooShort))).toMatchObject({
    verdict: 'holds',
    ours: expect.stringContaining('the deadline is shorter: “paper”, branchy-alexnet-128, all (1.2 times)'),
  });
});

test('the same plan throughout bears nothing out beside cases where plans differ', () => {
  const samePlan = (other: DynamicCase): void => {
    for (const { objectives } of other.sets) {
      for (const { methods } of objectives) {
        const [ours] = methods;
        for (const method of methods) Object.assign(method, { ...ours, name: method.name, switches: 0 });
      }
    }
  };
  for (const part of ['static plan chosen at the start of the trace in', 'accuracy: dynamic has', 'paper: neither']) {
    expect(claim(part, withOther(samePlan)), part).toMatchObject({
      verdict: 'holds where compared',
      ours: expect.stringContaining('something to compare at 2 of 4 sets of traces'),
      reason: expect.stringContaining('there is nothing to compare'),
    });
  }
});

test('falling short of the oracle fails also where one side alone comes close to it', () => {
  const short = (other: DynamicCase): void => {
    Object.assign(other.trials[0] ?? {}, { alwaysEdge: 0.95 });
    changeMethod(other, ['belgian', 'accuracy', 'dynamic'], { accuracyIfMet: 0.83 });
  };
  expect(claim('always local and always edge', withOther(short)).verdict).toBe('holds not');
});
