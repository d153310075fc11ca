import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BandwidthTrace,
  constantTrace,
  parseTraces,
  rateAt,
  scaleTrace,
  transmissionEndMs,
  transmittedBytes,
} from './bandwidth-trace.ts';

function trace(steps: readonly (readonly [durationMs: number, mbps: number])[]): BandwidthTrace {
  let startMs = 0;
  const placed = steps.map(([durationMs, mbps]) => {
    const step = { startMs, mbps };
    startMs += durationMs;
    return step;
  });
  return { name: 'test', steps: placed, durationMs: startMs };
}

/** 10 ms at 1 Mbit/s, 10 ms of nothing, 20 ms at 4 Mbit/s. */
const uneven = trace([
  [10, 1],
  [10, 0],
  [20, 4],
]);

describe('what a trace carries between two moments', () => {
  test('is the sum over its steps, the trace beginning anew at its end', () => {
    expect(transmittedBytes(uneven, 0, 10)).toBeCloseTo(1250, 9);
    expect(transmittedBytes(uneven, 5, 20)).toBeCloseTo(625, 9);
    expect(transmittedBytes(uneven, 8, 25)).toBeCloseTo(250 + 2500, 9);
    expect(transmittedBytes(uneven, 38, 45)).toBeCloseTo(1000 + 625, 9);
    expect(transmittedBytes(uneven, 12, 12)).toBe(0);
    expect(transmittedBytes(uneven, 0, 400)).toBeCloseTo(10 * (1250 + 10_000), 6);
  });

  test('is what was to be sent, up to when its last bit has left', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 500, noNaN: true }),
        fc.integer({ min: 1, max: 100_000 }),
        (startMs, bytes) => {
          const endMs = transmissionEndMs(uneven, startMs, bytes);
          expect(transmittedBytes(uneven, startMs, endMs)).toBeCloseTo(bytes, 3);
        },
      ),
    );
  });
});

describe('the rate of a trace', () => {
  test('holds from a step to the next, and the trace begins anew at its end', () => {
    expect([0, 9.99, 10, 19.99, 20, 39.99, 40, 55, 4020].map((ms) => rateAt(uneven, ms))).toEqual([
      1, 1, 0, 0, 4, 4, 1, 0, 4,
    ]);
  });

  test('is the same for ever in a constant trace, and multiplied in a scaled one', () => {
    expect([0, 999, 1000, 1e9].map((ms) => rateAt(constantTrace(2.5), ms))).toEqual([2.5, 2.5, 2.5, 2.5]);
    expect([0, 15, 25].map((ms) => rateAt(scaleTrace(uneven, 0.5), ms))).toEqual([0.5, 0, 2]);
    expect(uneven.steps[0]?.mbps).toBe(1);
  });
});

describe('a transmission ends', () => {
  test('when the rate says, over steps, stretches without any and the trace’s end', () => {
    // 1,250 bytes are 10 kbit: just the first step; one byte more waits for the third.
    expect(transmissionEndMs(uneven, 0, 1250)).toBe(10);
    expect(transmissionEndMs(uneven, 0, 1251)).toBeCloseTo(20.002, 9);
    expect(transmissionEndMs(uneven, 12, 1)).toBeCloseTo(20.002, 9);
    expect(transmissionEndMs(uneven, 38, 1000 + 625)).toBeCloseTo(45, 9);
    expect(transmissionEndMs(uneven, 40 * 1000 + 12, 1)).toBeCloseTo(40_020.002, 6);
  });

  test('at once where there is nothing to send, even while nothing can be sent', () => {
    expect([0, 5, 15, 55].map((ms) => transmissionEndMs(uneven, ms, 0))).toEqual([0, 5, 15, 55]);
    expect(transmissionEndMs(constantTrace(0), 7, 0)).toBe(7);
  });

  test('never where the trace carries nothing', () => {
    expect(transmissionEndMs(constantTrace(0), 0, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(transmissionEndMs(scaleTrace(uneven, 0), 5, 1)).toBe(Number.POSITIVE_INFINITY);
  });

  test('after many rounds as exactly as after few', () => {
    // One round carries 90 kbit, 11,250 bytes.
    expect(transmissionEndMs(uneven, 0, 11_250 * 1000)).toBeCloseTo(40_000, 6);
    expect(transmissionEndMs(uneven, 0, 11_250 * 1000 + 625)).toBeCloseTo(40_005, 6);
    expect(transmissionEndMs(constantTrace(0.001), 0, 1e9)).toBeCloseTo(8e9, 0);
  });

  test('when the integral of the rate says, for any trace, begin and size', () => {
    const rate = fc.oneof(
      fc.constant(0),
      fc.integer({ min: 1, max: 100 }).map((tenths) => tenths / 10),
    );
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), rate), { minLength: 1, maxLength: 12 });
    const carrying = steps.filter((list) => list.some(([, mbps]) => mbps > 0));
    fc.assert(
      fc.property(carrying, fc.nat(2000), fc.integer({ min: 1, max: 20_000 }), (list, startMs, bytes) => {
        const subject = trace(list);
        const endMs = transmissionEndMs(subject, startMs, bytes);
        // Steps begin and end at whole milliseconds: the sum of the rates of these is the integral.
        let kilobits = 0;
        let now = startMs;
        while (now + 1 <= endMs) {
          kilobits += rateAt(subject, now);
          now += 1;
        }
        kilobits += rateAt(subject, now) * (endMs - now);
        expect(kilobits).toBeCloseTo((bytes * 8) / 1000, 6);
      }),
      { numRuns: 500 },
    );
  });

  test('never before it began, later for more, and in the order in which it was begun, whatever the durations', () => {
    const fine = fc.double({ min: 0.001, max: 50, noNaN: true });
    const steps = fc.array(fc.tuple(fine, fc.double({ min: 0, max: 20, noNaN: true })), { minLength: 1, maxLength: 8 });
    const begin = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        steps,
        begin,
        fc.array(fc.integer({ min: 1, max: 1448 }), { maxLength: 40 }),
        (list, startMs, sizes) => {
          const subject = trace([...list, [1, 0.5]]);
          let now = startMs;
          for (const bytes of sizes) {
            const endMs = transmissionEndMs(subject, now, bytes);
            expect(endMs).toBeGreaterThan(now);
            expect(transmissionEndMs(subject, now, bytes + 100)).toBeGreaterThan(endMs);
            now = endMs;
          }
        },
      ),
    );
  });

  test('at the same time, whether sent in one or in pieces one after another', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.nat(200), sizes, (startMs, pieces) => {
        const whole = pieces.reduce((sum, bytes) => sum + bytes, 0);
        const inPieces = pieces.reduce((now, bytes) => transmissionEndMs(uneven, now, bytes), startMs);
        expect(inPieces).toBeCloseTo(transmissionEndMs(uneven, startMs, whole), 6);
      }),
    );
  });
});

describe('a log', () => {
  test('of six columns is read as one trace, its last columns as bytes and milliseconds', () => {
    const text =
      '1453112088291 710 51.04 3.72 125000 1000\n1453112089290 1709 51.0 3.7 0 999\r\n\n1453112089298 1717 0 0 1000 8\n';
    expect(parseTraces('a.log', text)).toEqual([
      {
        name: 'a.log',
        steps: [
          { startMs: 0, mbps: 1 },
          { startMs: 1000, mbps: 0 },
          { startMs: 1999, mbps: 1 },
        ],
        durationMs: 2007,
      },
    ]);
  });

  test('of the Oboe table is read as one trace a number, each from its own begin, a gap at the rate before', () => {
    const text = 'trace,start_ms,end_ms,kbps\n0,15.5,100,2000\n0,150,200.5,500\n7,1000,2000,8000\n';
    expect(parseTraces('o.csv', text)).toEqual([
      {
        name: 'o.csv#0',
        steps: [
          { startMs: 0, mbps: 2 },
          { startMs: 134.5, mbps: 0.5 },
        ],
        durationMs: 185,
      },
      { name: 'o.csv#7', steps: [{ startMs: 0, mbps: 8 }], durationMs: 1000 },
    ]);
  });

  test('with a malformed line is refused with its file and line', () => {
    const good = '1 2 51.0 3.7 1000 8\n';
    const header = 'trace,start_ms,end_ms,kbps\n';
    const wrong: [string, string][] = [
      [`${good}\n1 2 3\n`, 'x:3'],
      [`${good}1 2 3 4 5 6 7\n`, 'x:2'],
      ['1 2 51.0 3.7 many 8', 'x:1'],
      ['1 2 51.0 3.7 -5 8', 'x:1'],
      ['1 2 51.0 3.7 5 0', 'x:1'],
      ['1 2 51.0 3.7 5 -1', 'x:1'],
      ['1 2 51.0 3.7 5 Infinity', 'x:1'],
      ['1 2 51.0 3.7 1e400 8', 'x:1'],
      ['1 2 51.0 3.7 1e300 1e-300', 'x:1'],
      ['NaN 2 51.0 3.7 5 8', 'x:1'],
      ['1 - 51.0 3.7 5 8', 'x:1'],
      ['1 2 51.0 3.7 5 1e300\n9 10 51.0 3.7 5 8', 'x:2'],
      ['<html>', 'x:1'],
      [`${header}0,0,100,2000\n0,100,200\n`, 'x:3'],
      [`${header}\n0,100,100,2000\n`, 'x:3'],
      [`${header}0,0,100,-1\n`, 'x:2'],
      [`${header}0,0,100,\n`, 'x:2'],
      [`${header}0,0,100,fast\n`, 'x:2'],
      [`${header}0,0,100,1,2\n`, 'x:2'],
      [`${header}0,0,100,1e400\n`, 'x:2'],
      [`${header}0,0,100,1\n0,50,150,1\n`, 'x:3'],
      [`${header}0,0,100,1\n7,0,100,1\n0,0,100,1\n`, 'x:4'],
      [`${header}0,0,100,1\n0,5100.5,6000,1\n`, 'x:3'],
    ];
    for (const [text, place] of wrong) {
      expect(() => parseTraces('x', text), text).toThrow(
        expect.objectContaining({
          code: 'trace-unreadable',
          message: expect.stringMatching(new RegExp(`^${place}: `)),
        }),
      );
    }
  });

  test('without lines or without any traffic is refused and told apart', () => {
    for (const text of ['', '\n \n', 'trace,start_ms,end_ms,kbps\n'])
      expect(() => parseTraces('x', text)).toThrow('x: no lines');
    for (const text of ['1 2 3 4 0 10', 'trace,start_ms,end_ms,kbps\n3,0,10,0']) {
      expect(() => parseTraces('x', text)).toThrow(/^x(#3)?: all rates are zero/);
    }
  });
});

interface BelgianLine {
  readonly unixMs: number;
  readonly elapsedMs: number;
  readonly bytes: number;
  readonly intervalMs: number;
}

function belgianText(lines: readonly BelgianLine[]): string {
  return lines
    .map(({ unixMs, elapsedMs, bytes, intervalMs }) => `${unixMs} ${elapsedMs} 51 3.7 ${bytes} ${intervalMs}\n`)
    .join('');
}

/** A whole log as it is recorded: every line is its own interval after the one before. */
const belgianLog = fc
  .array(fc.tuple(fc.nat(5_000_000), fc.integer({ min: 5, max: 9000 })), { minLength: 2, maxLength: 12 })
  .filter((lines) => lines.some(([bytes]) => bytes > 0))
  .map((lines) => {
    let elapsedMs = 0;
    return lines.map(([bytes, intervalMs]): BelgianLine => {
      elapsedMs += intervalMs;
      return { unixMs: 1.45e12 + elapsedMs, elapsedMs, bytes, intervalMs };
    });
  });

/** Every trace that is read is one that can be replayed, else the reader says where it is off. */
function expectSoundOrRefused(text: string): void {
  let traces: BandwidthTrace[] = [];
  try {
    traces = parseTraces('x', text);
  } catch (error) {
    expect(error).toMatchObject({ code: 'trace-unreadable', message: expect.stringMatching(/^x[:#]/) });
    return;
  }
  for (const { steps, durationMs } of traces) {
    expect(steps[0]?.startMs).toBe(0);
    const bounds = [...steps.map(({ startMs }) => startMs), durationMs];
    for (const [i, bound] of bounds.slice(1).entries()) expect(bound).toBeGreaterThan(bounds[i] ?? Number.NaN);
    for (const { mbps } of steps) expect(Number.isFinite(mbps) && mbps >= 0, `${mbps}`).toBe(true);
  }
}

describe('a Belgian log whose times are off', () => {
  const lineAt = (elapsedMs: number, bytes: number, intervalMs: number): BelgianLine => ({
    unixMs: 1.45e12 + elapsedMs,
    elapsedMs,
    bytes,
    intervalMs,
  });
  const first = lineAt(1000, 125_000, 1000);
  const second = lineAt(2001, 125_000, 1001);
  const third = lineAt(8182, 0, 6181);

  test('by no more than a rounded millisecond, or long without reception as its line says, is read', () => {
    expect(parseTraces('x', belgianText([first, second, third]))).toMatchObject([{ durationMs: 8182 }]);
    const rounded = { ...second, unixMs: second.unixMs + 1 };
    expect(parseTraces('x', belgianText([first, rounded, third]))).toMatchObject([{ durationMs: 8182 }]);
  });

  test.each([
    [
      'a line is missing',
      [first, third],
      'x:2: by column 1, since the line before 7182 ms passed, its interval has 6181',
    ],
    ['a line is repeated', [first, second, second], 'x:3: by column 1, since the line before 0 ms: back in time'],
    ['time runs backwards', [second, first], 'x:2: by column 1, since the line before -1001 ms: back in time'],
    ['the clock alone jumps', [first, { ...second, unixMs: second.unixMs + 2 }], 'x:2: by column 1'],
    ['the time of the log alone jumps', [first, { ...second, elapsedMs: second.elapsedMs - 2 }], 'x:2: by column 2'],
  ])('is refused where %s', (_, lines, message) => {
    expect(() => parseTraces('x', belgianText(lines))).toThrow(
      expect.objectContaining({ code: 'trace-unreadable', message: expect.stringContaining(message) }),
    );
  });

  test('is refused wherever a line is missing inside, repeated or swapped, and read as it was before', () => {
    fc.assert(
      fc.property(belgianLog, fc.nat(), (log, at) => {
        const { steps } = parseTraces('x', belgianText(log))[0] ?? { steps: [] };
        expect(steps.map(({ mbps }) => mbps)).toEqual(
          log.map(({ bytes, intervalMs }) => (8 * bytes) / intervalMs / 1000),
        );
        const i = at % (log.length - 1);
        const repeated = log.toSpliced(i, 0, ...log.slice(i, i + 1));
        const swapped = log.toSpliced(i, 2, ...log.slice(i, i + 2).toReversed());
        const holed = i > 0 ? [log.toSpliced(i, 1)] : [];
        for (const lines of [repeated, swapped, ...holed]) {
          expect(() => parseTraces('x', belgianText(lines))).toThrow(
            expect.objectContaining({
              code: 'trace-unreadable',
              message: expect.stringMatching(/^x:\d+: by column 1/),
            }),
          );
        }
      }),
    );
  });
});

describe('whatever a log holds, it is read as steps in order of time at finite rates, or refused', () => {
  const number = fc.oneof(
    fc.integer({ min: -2, max: 6000 }).map(String),
    fc.double().map(String),
    fc.constantFrom('', '0', '1e-300', '1e300', '1e400', 'NaN', '-0', 'x'),
  );

  test('a Belgian log with lines shuffled, repeated or left out', () => {
    const spoilt = belgianLog.chain((log) => fc.array(fc.constantFrom(...log), { maxLength: 15 }));
    fc.assert(fc.property(spoilt, (lines) => expectSoundOrRefused(belgianText(lines))));
  });

  test('six columns of anything', () => {
    const line = fc.array(number, { minLength: 5, maxLength: 7 }).map((fields) => fields.join(' '));
    fc.assert(fc.property(fc.array(line), (lines) => expectSoundOrRefused(lines.join('\n'))));
  });

  test('an Oboe table of anything, or with its rows shuffled, repeated or left out', () => {
    const header = 'trace,start_ms,end_ms,kbps\n';
    const row = fc.array(number, { minLength: 2, maxLength: 4 }).map((fields) => ['0', ...fields].join());
    fc.assert(fc.property(fc.array(row), (rows) => expectSoundOrRefused(header + rows.join('\n'))));
    const place = fc.tuple(fc.nat(2), fc.nat(9), fc.nat(3000));
    const placed = fc.array(place.map(([trace, i, kbps]) => `${trace},${1100 * i},${1100 * i + 1000},${kbps}`));
    fc.assert(fc.property(placed, (rows) => expectSoundOrRefused(header + rows.join('\n'))));
  });
});

test('a transmission that just fills whole rounds ends with the last step that carries', () => {
  const trace = {
    name: 'half',
    steps: [
      { startMs: 0, mbps: 0 },
      { startMs: 1, mbps: 0.1 },
    ],
    durationMs: 2,
  };
  // 0.1 kbit a round: 20,000 bytes take 1,600 rounds.
  expect(transmissionEndMs(trace, 0, 20_000)).toBeCloseTo(3200, 6);
});
