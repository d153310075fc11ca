import { describe, expect, test } from 'vitest';
import type { Claim } from '../../report/document.ts';
import type { DynamicCase, DynamicData, MethodSummary, Run } from '../data.ts';
import { sampleDynamic } from '../testing/sample-dynamic.ts';
import { dynamicClaims } from './claims.ts';

/** @returns the one claim whose statement has this part, over made-up data of which the first case is another */
function claim(part: string, change: (first: DynamicCase, data: DynamicData) => void = () => {}): Claim {
  const data = sampleDynamic();
  for (const first of data.cases.slice(0, 1)) change(first, data);
  const found = dynamicClaims(data).filter(({ statement }) => statement.includes(part));
  expect(found, part).toHaveLength(1);
  return found[0] ?? expect.unreachable(part);
}

/** Of one set, where every method is met as often and as good as dynamic unless it is changed. */
function changeMethod(
  { sets }: DynamicCase,
  [set, objective, name]: readonly [string, 'paper' | 'accuracy', string],
  change: Partial<MethodSummary>,
): void {
  const methods = sets
    .filter((each) => each.name === set)
    .flatMap((each) => each.objectives.filter((result) => result.objective === objective))
    .flatMap((result) => result.methods.filter((method) => method.name === name));
  expect(methods).toHaveLength(1);
  for (const method of methods) Object.assign(method, change);
}

function changeVariants({ variants }: DynamicCase, change: Partial<MethodSummary>): void {
  for (const { summary } of variants) Object.assign(summary, change);
}

function changeSamples({ samples }: DynamicCase, { real = {}, virtual = {} }: Record<string, Partial<Run>>): void {
  for (const sample of samples) {
    Object.assign(sample.real, real);
    Object.assign(sample.virtual, virtual);
  }
}

const slow = { throughput: Array.from({ length: 41 }, (_, step) => step / 8) };
const outcomes: readonly [part: string, change: (first: DynamicCase) => void][] = [
  [
    'static plan chosen at the start of the trace in the dist',
    (first) => changeMethod(first, ['oboe', 'paper', 'dynamic'], slow),
  ],
  ['chosen for the trace’s mean', (first) => changeMethod(first, ['oboe', 'paper', 'dynamic'], slow)],
  ['entered as the product does by default', (first) => changeVariants(first, slow)],
  [
    'objective accuracy: dynamic has',
    (first) => changeMethod(first, ['belgian', 'accuracy', 'dynamic'], { meanReward: 0.85 }),
  ],
  ['in virtual time: at least', (first) => changeMethod(first, ['oboe', 'accuracy', 'dynamic'], { met: 1198 })],
  ['in real time, over all', (first) => changeSamples(first, { real: { met: 39 } })],
  ['varies by 2 %', (first) => changeVariants(first, { met: 1198 })],
  ['back to back', (first) => changeVariants(first, { met: 1198 })],
  [
    'always local and always edge',
    (first) => changeMethod(first, ['belgian', 'accuracy', 'dynamic'], { accuracyIfMet: 0.83 }),
  ],
  [
    'objective accuracy: neither the nearest state',
    (first) => changeMethod(first, ['oboe', 'accuracy', 'nearest state'], { met: 1200, switches: 4 }),
  ],
  ['virtual and real time agree', (first) => changeSamples(first, { virtual: { throughput: 5.4 } })],
];

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

describe('over several cases', () => {
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
  const strict = (times: number, share: number) => (first: DynamicCase) => {
    const trial = first.trials.find(({ timesExit1 }) => timesExit1 === times);
    Object.assign(trial ?? {}, { alwaysExit1: 0.89, alwaysLocal: 0, alwaysEdge: 0.89 });
    changeMethod(first, ['belgian', 'accuracy', 'dynamic'], { accuracyIfMet: share });
  };

  test('is judged where such a deadline was replayed', () => {
    expect(claim(part, strict(1.5, 0.88)).verdict).toBe('holds');
    const failed = claim(part, strict(1.5, 0.8));
    expect(failed).toMatchObject({ verdict: 'holds not', reason: expect.stringContaining('belgian: 91.5 %') });
  });

  test('is found in any case, also one that is not the first', () => {
    const found = claim(part, (_, data) => {
      const other = structuredClone(data.cases[0]) ?? expect.unreachable();
      strict(1.5, 0.88)(other);
      data.cases.push({ ...other, setting: 'paper' });
    });
    expect(found).toMatchObject({ verdict: 'holds', ours: expect.stringContaining('“paper”') });
  });

  test('is not measured where such a deadline was not replayed, which is told', () => {
    const found = claim(part, strict(2, 0.88));
    expect(found).toMatchObject({ verdict: 'not measured', ours: expect.stringContaining('390 ms') });
    expect(found.ours).toContain('nothing was replayed');
  });

  test('is not measured where there is none, and the nearest is told with its three shares', () => {
    const found = claim(part);
    expect(found.verdict).toBe('not measured');
    expect(found.ours).toContain('at none of 2 deadlines');
    expect(found.ours).toContain('always exit 1 90.5 %, always local 0.0 %, always edge 80.0 %');
    const other = claim(part, ({ trials }) => void Object.assign(trials[1] ?? {}, { alwaysExit1: 0.7 }));
    expect(other.reason).toContain('comes down to 70.0 %, but');
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
      'in real time, of the sample: “link-bound”, branchy-alexnet-128, all: 38 of 40 (95.0 %), late at a 38 of 40',
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
