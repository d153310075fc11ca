import { expect, test } from 'vitest';
import { fromColumns } from '../../shared/protocol/frame-briefs.ts';
import { type FrameResult, frameLineParser } from '../../shared/protocol/frame-result.ts';
import { parseTelemetry } from '../../shared/protocol/telemetry.ts';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { result as typical } from '../../shared/testing/typical-messages.ts';
import { createGathering } from './gathering.ts';

function resultOf(change: Partial<FrameResult> = {}): FrameResult {
  const line = frameLineParser.parse({ ...typical, ...change });
  if ('failed' in line) throw new Error('a failure is no result');
  return line;
}

const sample = { at: '2020-01-01T00:00:00.000Z', uplinkMbps: 3, bytes: 1000, source: 'passive' as const };

function setUp() {
  const clock = createFakeClock();
  let lost = 0;
  const gathering = createGathering(clock, () => {
    lost += 1;
  });
  return { clock, gathering, lost: () => lost };
}

test('an interval is counted once, by plan, with the configuration of its last frame', () => {
  const { clock, gathering } = setUp();
  gathering.record(resultOf({ latencyMs: 10, uploadBytes: 100 }));
  const earlyExit = { exit: 'exit1', entropy: 0.2, threshold: 0.4, ms: 1 };
  gathering.record(resultOf({ latencyMs: 20, uploadBytes: 0, earlyExit: { ...earlyExit, confident: true } }));
  gathering.record(resultOf({ latencyMs: 20, earlyExit: { ...earlyExit, confident: false } }));
  gathering.record(
    resultOf({ latencyMs: 30, met: false, fallback: 'timeout', uploadBytes: 50, configurationVersion: 2 }),
  );
  clock.advance(1000);
  const interval = { from: '2020-01-01T00:00:00.000Z', to: '2020-01-01T00:00:01.000Z' };
  expect(gathering.take([])).toEqual([
    {
      kind: 'summary',
      ...interval,
      configurationVersion: 2,
      frames: 4,
      met: 3,
      missed: 1,
      fallbacks: 1,
      earlyExitsAsked: 2,
      earlyExitsAnswered: 1,
      lateReplies: 0,
      uploadBytes: 250,
      latencyMs: { p50: 20, p95: expect.closeTo(28.5, 9), max: 30 },
      plans: [{ ...resultOf().plan, frames: 4 }],
    },
  ]);
  clock.advance(1000);
  expect(gathering.take([])).toEqual([]);
});

test('replies that came too late are counted once, with the next frames', () => {
  const { gathering } = setUp();
  gathering.countLateReply();
  gathering.countLateReply();
  expect(gathering.take([])).toEqual([]);
  gathering.record(resultOf());
  expect(gathering.take([])).toMatchObject([{ kind: 'summary', frames: 1, lateReplies: 2 }]);
  gathering.record(resultOf());
  expect(gathering.take([])).toMatchObject([{ kind: 'summary', lateReplies: 0 }]);
});

test('single frames wait five seconds for others, or until they are many, and not at the end', () => {
  const { clock, gathering } = setUp();
  const kinds = (): string[] => gathering.take([]).map(({ kind }) => kind);
  gathering.record(resultOf({ frame: 1 }));
  clock.advance(4000);
  expect(kinds()).toEqual(['summary']);
  gathering.record(resultOf({ frame: 2 }));
  clock.advance(1000);
  const reports = gathering.take([]);
  const frames = reports.flatMap((report) => (report.kind === 'results' ? fromColumns(report) : []));
  expect(frames.map(({ frame, atMs }) => [frame, atMs - Date.UTC(2020, 0, 1)])).toEqual([
    [1, 0],
    [2, 4000],
  ]);
  for (let frame = 0; frame < 60; frame += 1) gathering.record(resultOf({ frame }));
  expect(kinds()).toEqual(['summary', 'results']);
  gathering.record(resultOf());
  expect(gathering.takeAll([sample]).map(({ kind }) => kind)).toEqual(['samples', 'summary', 'results']);
});

test('whatever was gathered goes into reports that the control plane takes, each well below one message', () => {
  const { gathering } = setUp();
  for (let frame = 0; frame < 200; frame += 1) {
    gathering.record(resultOf({ frame, label: `label-${frame}`, fallback: 'disconnected' }));
  }
  const reports = gathering.takeAll(Array.from({ length: 60 }, () => sample));
  expect(reports.map(({ kind }) => kind)).toEqual([
    ...['samples', 'samples', 'samples', 'summary'],
    ...['results', 'results', 'results', 'results'],
  ]);
  const numbered = reports.map((report, index) => ({ ...report, sequence: index + 1 }));
  const message = { schema: 1, boot: 1, covers: { first: 1, last: reports.length }, reports: numbered };
  expect(parseTelemetry(JSON.stringify(message))).toEqual({ ...message, refused: 0 });
  for (const report of numbered) expect(JSON.stringify(report).length).toBeLessThan(8192);
});

test('while nothing is taken, what is gathered is bounded, and what finds no room is told', () => {
  const { gathering, lost } = setUp();
  for (let frame = 0; frame < 5003; frame += 1) gathering.record(resultOf({ frame }));
  expect(lost()).toBe(3);
  const [summary] = gathering.take([]);
  expect(summary).toMatchObject({ kind: 'summary', frames: 5000 });
});
