import { expect, test } from 'vitest';
import { compareFigures } from './compare-figures.ts';
import { type BenchFigure, benchFiguresParser, figureOf } from './figure.ts';

const about = { area: 'overhead', name: 'a cut', unit: 'ms', bar: null };
const verdictOf = (before: BenchFigure, now: BenchFigure) => compareFigures([before], [now])[0]?.verdict;

test('a figure is worse only where the spreads of the two runs do not meet', () => {
  const before = figureOf(about, [1, 2, 3]);
  expect(verdictOf(before, figureOf(about, [3, 4, 5]))).toBe('the same');
  expect(verdictOf(before, figureOf(about, [3.1, 4, 5]))).toBe('worse');
  expect(verdictOf(before, figureOf(about, [0.5, 0.7, 0.9]))).toBe('better');
});

test('where more is better a figure that fell is worse', () => {
  const rates = { ...about, unit: 'frames/s', better: 'more' } as const;
  const before = figureOf(rates, [100, 110]);
  expect(verdictOf(before, figureOf(rates, [80, 90]))).toBe('worse');
  expect(verdictOf(before, figureOf(rates, [120, 130]))).toBe('better');
});

test('each figure has its ratio, and what only one of the runs has is left out', () => {
  const before = [figureOf(about, [2]), figureOf({ ...about, name: 'gone' }, [1])];
  const now = [figureOf({ ...about, name: 'new' }, [1]), figureOf(about, [3])];
  expect(compareFigures(before, now)).toMatchObject([{ name: 'a cut', before: 2, now: 3, ratio: 1.5 }]);
  expect(compareFigures([figureOf(about, [0])], [figureOf(about, [1])])[0]?.ratio).toBeNull();
});

test('a bar is a most, or a least where more is better', () => {
  expect(figureOf({ ...about, bar: 2 }, [1, 2, 3]).holds).toBe(true);
  expect(figureOf({ ...about, bar: 1.9 }, [1, 2, 3]).holds).toBe(false);
  expect(figureOf({ ...about, bar: 1.9, better: 'more' }, [1, 2, 3]).holds).toBe(true);
  expect(figureOf({ ...about, bar: 2.1, better: 'more' }, [1, 2, 3]).holds).toBe(false);
});

test('figures that were printed as JSON are read again as they were', () => {
  const figures = [figureOf({ ...about, note: '3 of 9 plans' }, [1, 2])];
  expect(benchFiguresParser.parseJson(JSON.stringify(figures))).toEqual(figures);
  expect(() => benchFiguresParser.parseJson('[{"area":"overhead"}]')).toThrow(
    expect.objectContaining({ code: 'file-invalid' }),
  );
});
