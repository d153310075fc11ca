import { expect } from 'vitest';
import type { Claim } from '../../report/document.ts';
import type { DynamicCase, DynamicData, MethodSummary, Run } from '../data.ts';
import { dynamicClaims } from '../report/claims.ts';
import { sampleDynamic } from './sample-dynamic.ts';

/** @returns the one claim whose statement has this part, over made-up data of which the first case is another */
export function claim(part: string, change: (first: DynamicCase, data: DynamicData) => void = () => {}): Claim {
  const data = sampleDynamic();
  for (const first of data.cases.slice(0, 1)) change(first, data);
  const found = dynamicClaims(data).filter(({ statement }) => statement.includes(part));
  expect(found, part).toHaveLength(1);
  return found[0] ?? expect.unreachable(part);
}

/** Of one set, where every method is met as often and as good as dynamic unless it is changed. */
export function changeMethod(
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

export function changeVariants({ variants }: DynamicCase, change: Partial<MethodSummary>): void {
  for (const { summary } of variants) Object.assign(summary, change);
}

function changeSamples({ samples }: DynamicCase, { real = {}, virtual = {} }: Record<string, Partial<Run>>): void {
  for (const sample of samples) {
    Object.assign(sample.real, real);
    Object.assign(sample.virtual, virtual);
  }
}

/** Of the quantiles of throughput, half of the sample's. */
export const slow = { throughput: Array.from({ length: 41 }, (_, step) => step / 8) };
/** Each claim by a part of its statement, and a change of the data with which it fails. */
export const outcomes: readonly [part: string, change: (first: DynamicCase) => void][] = [
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
