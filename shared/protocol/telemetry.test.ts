import { describe, expect, test } from 'vitest';
import { sample, summary } from '../testing/typical-messages.ts';
import { toColumns } from './frame-briefs.ts';
import { parseTelemetry, telemetryAcknowledgementParser } from './telemetry.ts';

const { schema: _schema, boot: _boot, sequence: _sequence, ...counts } = summary;
const samplesReport = { kind: 'samples', sequence: 3, samples: [sample] };
const summaryReport = { kind: 'summary', sequence: 4, ...counts };
const resultsReport = {
  kind: 'results',
  sequence: 5,
  ...toColumns([
    {
      frame: 1,
      atMs: 5,
      plan: { exit: 'exit1', partition: 2, direction: 'device-first', encoding: 'u8' },
      exit: 'exit1',
      label: 'cat',
      latencyMs: 4.5,
      met: true,
      fallback: null,
    },
  ]),
};
const reports = [samplesReport, summaryReport, resultsReport];
const telemetry = { schema: 1, boot: 7, covers: { first: 3, last: 5 }, reports };

describe('telemetry', () => {
  test('is read from its JSON as it was written', () => {
    expect(parseTelemetry(JSON.stringify(telemetry))).toEqual({ ...telemetry, refused: 0 });
    const question = { schema: 1, boot: 7, reports: [] };
    expect(parseTelemetry(JSON.stringify(question))).toEqual({ ...question, refused: 0 });
  });

  test.each([
    ['another schema', { schema: 2 }],
    ['no boot', { boot: undefined }],
    ['a number from 0', { covers: { first: 0, last: 5 } }],
    ['more reports than one message may have', { reports: Array.from({ length: 201 }, () => samplesReport) }],
  ])('is refused with %s', (_what, change) => {
    expect(() => parseTelemetry(JSON.stringify({ ...telemetry, ...change }))).toThrow(
      expect.objectContaining({ code: 'message-invalid' }),
    );
  });

  test.each([
    ['is of no kind', { ...samplesReport, kind: 'poem' }],
    ['has no number', { ...samplesReport, sequence: undefined }],
    ['comes under another range', { ...samplesReport, sequence: 6 }],
    ['has a rate of nothing', { ...samplesReport, samples: [{ ...sample, uplinkMbps: 0 }] }],
    ['has columns that contradict each other', { ...resultsReport, met: [true, false] }],
    ['is no object', 'report'],
  ])('counts a report that %s, and keeps the others', (_what, bad) => {
    const { reports: read, refused } = parseTelemetry(JSON.stringify({ ...telemetry, reports: [...reports, bad] }));
    expect([read, refused]).toEqual([reports, 1]);
  });
});

describe('an acknowledgement', () => {
  const acknowledgement = { schema: 1, boots: [{ boot: 7, held: [{ first: 1, last: 9 }] }] };

  test('is read from its JSON as it was written', () => {
    expect(telemetryAcknowledgementParser.parseJson(JSON.stringify(acknowledgement))).toEqual(acknowledgement);
  });

  test.each([
    ['/boots/0/boot', { boots: [{ boot: -1, held: [] }] }],
    ['/boots/0/held/0/first', { boots: [{ boot: 1, held: [{ first: 0, last: 1 }] }] }],
    ['/schema', { schema: 2 }],
  ])('is refused with the place of what is wrong: %s', (place, change) => {
    expect(() => telemetryAcknowledgementParser.parse({ ...acknowledgement, ...change })).toThrow(place);
  });
});
