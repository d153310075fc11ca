import { expect, test } from 'vitest';
import { constantTrace } from '../../../shared/planner/bandwidth-trace.ts';
import { predict } from '../../../shared/planner/predict.ts';
import { type FrameResult, frameLineParser } from '../../../shared/protocol/frame-result.ts';
import { planningInput, type SmallExit } from '../../../shared/testing/planning-input.ts';
import { result as typical } from '../../../shared/testing/typical-messages.ts';
import type { MeasuredRun } from '../test-bed.ts';
import { timeParts, withTimedParts } from './timed-parts.ts';

const shallow: SmallExit = { accuracy: 0.6, headMs: [0, 5, 10], tailMs: [4, 2, 0], elements: [3000, 500, 10] };
const deep: SmallExit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [3000, 500, 10] };
const input = planningInput([shallow, deep]);
const wholes = [1, 2].map((exit) => ({ exit, partition: 2, direction: 'device-first', encoding: 'f32' }) as const);
const head = { exit: 2, partition: 1, direction: 'device-first', encoding: 'u8' } as const;
const edge = { exit: 1, partition: 0, direction: 'device-first', encoding: 'u8' } as const;

function deviceMs(of: typeof input, plan: (typeof wholes)[number] | typeof head): number | undefined {
  return predict(of, plan)?.breakdownMs.device;
}

test('every exit and every plan of the map is timed, and virtual time has it; the rest in proportion', async () => {
  const asked: MeasuredRun[] = [];
  const bed = {
    measure(run: MeasuredRun): Promise<FrameResult[]> {
      asked.push(run);
      const frameResult = frameLineParser.parse(typical);
      if (!('breakdownMs' in frameResult)) throw new Error('no result');
      const { breakdownMs, assumed } = frameResult;
      const takenMs = run.plan?.exit === 1 ? 13 : 110;
      const result = {
        ...frameResult,
        breakdownMs: { ...breakdownMs, device: takenMs },
        assumed: { ...assumed, frameMs: 2 },
      };
      return Promise.resolve(Array.from({ length: run.frames }, () => result));
    },
  };
  const parts = await timeParts(bed, input, {
    wanted: [head, edge],
    link: constantTrace(10),
    policy: { deadlineMs: 300 },
    settleFrames: 8,
  });
  expect(asked.map(({ plan }) => plan)).toEqual(expect.arrayContaining([...wholes, head, edge]));
  expect(asked).toHaveLength(4);
  expect(parts.map(({ exit, partition, profiledMs, measuredMs }) => [exit, partition, profiledMs, measuredMs])).toEqual(
    [
      [1, 2, 10, 11],
      [2, 2, 90, 108],
      [2, 1, 20, 108],
    ],
  );
  const timed = withTimedParts(input, parts);
  const [first, second] = wholes;
  if (first === undefined || second === undefined) throw new Error('no exits');
  expect([deviceMs(timed, first), deviceMs(timed, second), deviceMs(timed, head)]).toEqual([
    expect.closeTo(11, 9),
    expect.closeTo(108, 9),
    expect.closeTo(108, 9),
  ]);
  const untimed = { exit: 1, partition: 1, direction: 'device-first', encoding: 'f32' } as const;
  expect(predict(timed, untimed)?.breakdownMs.device).toBeCloseTo((5 * (11 + 108 + 108)) / 120, 9);
});
