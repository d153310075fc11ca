import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Plan } from '../shared/planner/plan.ts';
import { planningInput } from '../shared/testing/planning-input.ts';
import { decide } from './decision.ts';
import { createForcedPlanWarning } from './forced-plan-warning.ts';

const exit = { accuracy: 0.8, headMs: [0, 10, 20, 30], tailMs: [3, 2, 1, 0], elements: [100, 100, 100, 10] };
const input = planningInput([exit], { encodings: ['f32'], directions: ['device-first'] });
type Policy = typeof input.policy;

function startWarning() {
  const lines: { level: number; reason: string }[] = [];
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  return { warn: createForcedPlanWarning(log), lines };
}

test.each<[string, Partial<Plan>, Partial<Policy>]>([
  ['direction-forbidden', { exit: 1, partition: 1, encoding: 'f32', direction: 'edge-first' }, {}],
  ['encoding-forbidden', { exit: 1, partition: 0, encoding: 'u8', direction: 'device-first' }, {}],
  ['accuracy-too-low', { exit: 1, partition: 3 }, { minimumAccuracy: 0.9 }],
  ['not-admissible', { exit: 1, partition: 2 }, { deadlineMs: 40 }],
])('a forced plan that cannot be run is warned of, with its reason: %s', (reason, forced, change) => {
  const { warn, lines } = startWarning();
  const changed = { ...input, policy: { ...input.policy, ...change } };
  expect(decide(changed, { isReady: () => true, forced, dynamic: undefined })).toBeUndefined();
  warn(forced, changed);
  expect(lines).toMatchObject([{ level: 40, reason, plan: forced }]);
});

test('each reason is told once under each version of the policy', () => {
  const { warn, lines } = startWarning();
  const forced = { exit: 1, partition: 1, encoding: 'u8' } as const;
  const alone = { exit: 1, partition: 1 };
  const away = { ...input, offload: null };
  for (const version of [1, 1, 2]) {
    warn(forced, { ...input, policy: { ...input.policy, version } });
    warn(alone, { ...away, policy: { ...input.policy, version } });
  }
  const reasons = ['encoding-forbidden', 'no-worker'];
  expect(lines.map(({ reason }) => reason)).toEqual([...reasons, ...reasons]);
});
