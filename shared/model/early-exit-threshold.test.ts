import { describe, expect, test } from 'vitest';
import { chooseThreshold, type EarlyAnswers, effectOf } from './early-exit-threshold.ts';

const images = 2000;

/** Image i has the entropy i; the exit is wrong about those of which `isWrong` says so, the deeper ones about none. */
function answers(isWrong: (image: number) => boolean, deeper: Uint8Array[] = [ones()]): EarlyAnswers {
  return {
    entropy: Float64Array.from({ length: images }, (_, image) => image),
    isRight: Uint8Array.from({ length: images }, (_, image) => (isWrong(image) ? 0 : 1)),
    deeperIsRight: deeper,
  };
}

function ones(): Uint8Array {
  return new Uint8Array(images).fill(1);
}

describe('the threshold for an accuracy loss', () => {
  test('keeps the loss on the images below what was asked for by what chance may have hidden, and by little more', () => {
    const wrongAtTheEnd = answers((image) => image >= 1000 && image % 10 === 0);
    const threshold = chooseThreshold(wrongAtTheEnd, 0.02);
    const { answered, accuracyLoss } = effectOf(wrongAtTheEnd, threshold);
    expect(answered).toBe(threshold / images);
    // 95 %: 1.645 standard errors of a share of 0.015 in 2,000 images are 0.0045.
    expect(accuracyLoss).toBeGreaterThan(0.014);
    expect(accuracyLoss).toBeLessThan(0.0165);
  });

  test('is where the first one fails, though a larger one would do again', () => {
    const deeper = Uint8Array.from({ length: images }, (_, image) => (image >= 600 && image < 1200 ? 0 : 1));
    const againstChance = answers((image) => image >= 300 && image < 600, [deeper]);
    expect(effectOf(againstChance, images).accuracyLoss).toBeLessThan(0);
    const threshold = chooseThreshold(againstChance, 0.05);
    expect(threshold).toBeGreaterThan(300);
    expect(threshold).toBeLessThan(400);
  });

  test('holds against each of the deeper exits', () => {
    const isWrong = (image: number): boolean => image >= 200;
    const alike = Uint8Array.from({ length: images }, (_, image) => (isWrong(image) ? 0 : 1));
    expect(chooseThreshold(answers(isWrong, [alike]), 0.01)).toBe(images - 1);
    const both = answers(isWrong, [alike, ones()]);
    const threshold = chooseThreshold(both, 0.01);
    expect(threshold).toBeLessThan(220);
    expect(effectOf(both, threshold).accuracyLoss).toBeLessThanOrEqual(0.01);
  });

  test('lets no image through where the surest are wrong, and none that is as unsure as one that may not pass', () => {
    expect(
      effectOf(
        answers(() => true),
        chooseThreshold(
          answers(() => true),
          0.001,
        ),
      ).answered,
    ).toBeLessThan(0.001);
    const level = { ...answers((image) => image % 2 === 0), entropy: new Float64Array(images).fill(0.5) };
    expect(effectOf(level, chooseThreshold(level, 0.1)).answered).toBe(0);
  });
});
