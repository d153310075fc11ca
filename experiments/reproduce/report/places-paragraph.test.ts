import { expect, test } from 'vitest';
import type { DataFile } from '../data-file.ts';
import type { AccuracyCase } from '../served.ts';
import { sampleAccuracy, sampleData } from '../testing/sample-data.ts';
import { placesParagraph } from './places-paragraph.ts';

/** @returns the text over made-up cases */
function text(cases: readonly AccuracyCase[]): string {
  const files = sampleData().map((file): DataFile => {
    return file.experiment === 'static-accuracy' ? { ...file, data: { cases } } : file;
  });
  return placesParagraph(files)
    .map((block) => (block.kind === 'paragraph' ? block.text : block.kind))
    .join('\n');
}

function at(setting: string, model: string, change: (measured: AccuracyCase) => void = () => {}): AccuracyCase {
  const measured = sampleAccuracy();
  Object.assign(measured.sweep, { setting, model });
  change(measured);
  return measured;
}

function late({ sweep, served }: AccuracyCase): void {
  for (const { outcomes } of sweep.points) {
    for (const { measured } of outcomes) if (measured !== null) measured.latenciesMs = [700, 800];
  }
  for (const { frames } of served) for (const frame of frames) Object.assign(frame, { met: false, latencyMs: 650 });
}

test('tells in which settings a model was run, and why not in all', () => {
  const some = text([at('paper', 'small'), at('none', 'small'), at('paper', 'large')]);
  expect(some).toContain('small in “paper”, “none”; large in “paper” only.');
  expect(some).toContain('That is for time');
  const all = text([at('paper', 'small'), at('paper', 'large')]);
  expect(all).toContain('small in “paper”; large in “paper”.');
  expect(all).not.toContain('for time');
});

test('tells where every method misses every deadline, and only there', () => {
  const said = text([at('paper', 'small'), at('paper', 'large', late)]);
  expect(said).toContain('With paper, large, every method misses every deadline');
  expect(said).toContain('(100, 500 ms at 0.4 Mbit/s, the fastest of its frames took 0.650 s)');
  expect(said).not.toContain('With paper, small');
});

test('one frame in time is enough for something to compare', () => {
  const almost = at('paper', 'large', (measured) => {
    late(measured);
    const [frame] = measured.served.at(-1)?.frames ?? [];
    Object.assign(frame ?? {}, { met: true });
  });
  expect(text([almost])).not.toContain('every method misses');
});

test('says nothing without the data of the accuracy experiment', () => {
  expect(placesParagraph(sampleData().filter(({ experiment }) => experiment !== 'static-accuracy'))).toEqual([]);
});
