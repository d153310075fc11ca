import { beforeAll, describe, expect, test } from 'vitest';
import type { ProfiledModel } from '../../shared/planner/latency-observations.ts';
import { type RegressionFigure, regressionFigures } from './figures.ts';
import { type KnownModel, knownModels, readProfiled } from './known-models.ts';
import { leastOf } from './measure-profiles.ts';

const profiled = new Map<KnownModel, ProfiledModel>();
let figures: RegressionFigure[];

beforeAll(async () => {
  for (const name of knownModels) profiled.set(name, await readProfiled(name));
  figures = regressionFigures(profiled);
});

function extended(isIn: (figure: RegressionFigure) => boolean): RegressionFigure[] {
  return figures.filter((figure) => figure.form === 'extended' && isIn(figure));
}

const isOwn = ({ trainedOn, predicted }: RegressionFigure) => trainedOn.includes(predicted);
const isAlexNet = ({ predicted }: RegressionFigure) => predicted.startsWith('alexnet');

describe('on stored profiles, regressions predict', () => {
  test('the segments of the model they were fitted to within 15 % at the median', () => {
    const own = extended(isOwn);
    expect(own).toHaveLength(4);
    for (const { segments } of own) expect(segments.median).toBeLessThanOrEqual(0.15);
  });

  test('the segments of an AlexNet never seen within 15 % at the median, from other models or from calibration', () => {
    const unseen = extended((figure) => isAlexNet(figure) && !isOwn(figure));
    expect(unseen).toHaveLength(4);
    for (const { segments } of unseen) expect(segments.median).toBeLessThanOrEqual(0.15);
  });

  test('the segments of a small network with skips never seen within 25 % at the median', () => {
    const unseen = extended((figure) => !isAlexNet(figure) && !isOwn(figure));
    expect(unseen).toHaveLength(4);
    for (const { segments } of unseen) expect(segments.median).toBeLessThanOrEqual(0.25);
  });

  test('plans with their transfers within 25 % for nine of ten, and for all of an AlexNet', () => {
    for (const { plans } of extended(() => true)) expect(plans.p90).toBeLessThanOrEqual(0.25);
    for (const { plans } of extended(isAlexNet)) expect(plans.greatest).toBeLessThanOrEqual(0.25);
  });

  test('models never seen better with the extended variables than with the paper’s', () => {
    for (const paper of figures.filter((figure) => figure.form === 'paper' && !isOwn(figure))) {
      const [better] = extended(({ trainedOn, predicted }) => {
        return trainedOn === paper.trainedOn && predicted === paper.predicted;
      });
      expect(better?.segments.median).toBeLessThan(paper.segments.median);
    }
  });
});

test('of two profiles of one model the lesser times are taken', () => {
  const { profile } = profiled.get('dense') ?? {};
  if (profile === undefined) throw new Error('no profile of dense');
  const slow = { medianMs: 1e3, p90Ms: 1e3 };
  const [exit] = profile.exits;
  const slowed = {
    ...profile,
    modelLoadMs: 0.1,
    exits: profile.exits.map((e) => ({ ...e, head: e.head.map(() => slow) })),
  };
  expect(leastOf(slowed, profile)).toEqual({ ...profile, modelLoadMs: 0.1 });
  expect(leastOf(profile, slowed).exits[0]).toEqual(exit);
});
