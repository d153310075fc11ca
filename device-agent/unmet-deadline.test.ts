import { pino } from 'pino';
import { expect, test } from 'vitest';
import { planStatic } from '../shared/planner/algorithm-1.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { planningInput } from '../shared/testing/planning-input.ts';
import { decide } from './decision.ts';
import { createUnmetDeadlineNotice, neededFor } from './unmet-deadline.ts';

const exit = { accuracy: 0.8, headMs: [0, 40], tailMs: [5, 0], elements: [5000, 10] };
/** The device alone takes 40 ms; sent, the input takes 20 ms at 8 Mbit/s. */
const input = planningInput([exit], { deadlineMs: 100, encodings: ['f32'] });

function planned(deadlineMs: number, change: Partial<PlanningInput> = {}, forced?: { partition: number }) {
  const changed = { ...input, ...change, policy: { ...input.policy, deadlineMs } };
  const decision = decide(changed, { isReady: () => true, forced, dynamic: undefined });
  if (decision === undefined) throw new Error('no plan');
  return { decision, input: changed };
}

function startNotice() {
  const lines: Record<string, unknown>[] = [];
  const clock = createFakeClock();
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  return { notice: createUnmetDeadlineNotice(clock, log), clock, lines };
}

test('what would do does', () => {
  const late = planned(15);
  const needed = neededFor(late);
  if (needed?.uplinkMbps == null) throw new Error('a faster link would do');
  const { policy, offload } = late.input;
  expect(planStatic({ ...late.input, policy: { ...policy, deadlineMs: needed.deadlineMs } }).kind).toBe('feasible');
  const link = { uplinkMbps: needed.uplinkMbps, downlinkMbps: 8, rttMs: 0 };
  expect(planStatic({ ...late.input, offload: offload && { ...offload, link } }).kind).toBe('feasible');
  expect(neededFor(planned(15, { offload: null }))?.uplinkMbps).toBeNull();
});

test('nothing is needed where a plan meets the deadline, though the one that is forced does not', () => {
  expect(neededFor(planned(100))).toBeUndefined();
  expect(neededFor(planned(38, {}, { partition: 1 }))).toBeUndefined();
});

test('a decision by the map needs what the rate of its state lacks, not the rate of the moment', () => {
  const late = planned(15);
  const { candidate: chosen } = late.decision;
  const evidence = { kind: 'first', bandwidthMbps: 8, runLength: 4, previousStateIndex: null, stateIndex: 0 } as const;
  const dynamic = { ...evidence, chosen, runnerUp: null, feasible: false, slackMs: -9, revision: 'r1' };
  const slow = { ...dynamic, state: { mbps: 1, fromMbps: 0 } };
  const needed = neededFor({ ...late, decision: { ...late.decision, dynamic: slow } });
  expect(needed?.deadlineMs).toBeGreaterThan(neededFor(late)?.deadlineMs ?? Number.NaN);
});

test('a deadline that no plan meets is told once with what would do, and once when one does again', () => {
  const { notice, clock, lines } = startNotice();
  notice(planned(100));
  for (const deadlineMs of [15, 15, 16, 100]) notice(planned(deadlineMs));
  expect(lines).toMatchObject([{ level: 40, deadlineMs: 15, neededDeadlineMs: expect.any(Number) }]);
  expect(lines[0]?.neededUplinkMbps).toBeGreaterThan(8);
  clock.advance(10_000);
  for (const deadlineMs of [100, 100, 15]) notice(planned(deadlineMs));
  expect(lines[1]).toMatchObject({ level: 30, deadlineMs: 100 });
  expect(lines).toHaveLength(2);
  clock.advance(10_000);
  notice(planned(15));
  expect(lines).toHaveLength(3);
});

test('a thread that is busy, and a forced plan that is late, are no such deadline', () => {
  const { notice, lines } = startNotice();
  notice(planned(45, { busyMs: 40, offload: null }));
  notice(planned(38, {}, { partition: 1 }));
  expect(lines).toEqual([]);
});
