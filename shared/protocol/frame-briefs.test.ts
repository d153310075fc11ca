import { expect, test } from 'vitest';
import { type FrameBrief, fromColumns, toColumns } from './frame-briefs.ts';

function brief(frame: number, changes: Partial<FrameBrief> = {}): FrameBrief {
  return {
    frame,
    atMs: 1_577_836_800_000 + 200 * frame,
    plan: { exit: 'exit5', partition: 2, direction: 'device-first', encoding: 'u8' },
    exit: 'exit5',
    label: 'cat',
    latencyMs: 61.25,
    met: true,
    fallback: null,
    ...changes,
  };
}

test('frames come back from columns as they were, and what repeats is named once', () => {
  const fellBack = brief(3, { exit: 'exit1', label: 'dog', met: false, fallback: 'timeout' });
  const clockPutBack = brief(4, { atMs: brief(0).atMs - 7_200_000 });
  const briefs = [brief(1), brief(2), fellBack, clockPutBack, brief(9, { plan: { ...brief(9).plan, partition: 0 } })];
  const columns = toColumns(briefs);
  expect(columns).toMatchObject({ labels: ['cat', 'dog'], exits: ['exit5', 'exit1'], plan: [0, 0, 0, 0, 1] });
  expect(fromColumns(columns)).toEqual(briefs);
});

test('a frame takes about 30 bytes', () => {
  const briefs = Array.from({ length: 100 }, (_, index) => brief(1000 + index));
  expect(JSON.stringify(toColumns(briefs)).length / 100).toBeLessThan(40);
});

test.each([
  ['a column is shorter', { met: [] }],
  ['an index points nowhere', { label: [7] }],
  ['a table is empty', { plans: [] }],
])('columns are refused where %s', (_what, change) => {
  expect(() => fromColumns({ ...toColumns([brief(1)]), ...change })).toThrow(
    expect.objectContaining({ code: 'message-invalid' }),
  );
});
