import { Type } from 'typebox';
import { createParser } from '../../../shared/runtime/schema.ts';
import type { DataFile } from '../data-file.ts';
import { type AccuracyCase, AccuracyCaseSchema } from '../served.ts';
import { scoresOf } from './accuracy-scores.ts';
import type { Block } from './document.ts';
import { placeOf, seconds } from './wording.ts';

const experiment = 'static-accuracy';
const parser = createParser(
  Type.Object({ cases: Type.Array(AccuracyCaseSchema) }),
  'experiment-data-invalid',
  `data of ${experiment}`,
);

/**
 * @returns in which settings each model was run, and where no method meets any deadline of the accuracy experiment; nothing
 *   without that experiment's data
 * @throws {FleetError} `experiment-data-invalid`
 */
export function placesParagraph(files: readonly DataFile[]): Block[] {
  const file = files.find((each) => each.experiment === experiment);
  if (file === undefined) return [];
  const { cases } = parser.parse(file.data);
  const text = [modelsSentence(cases), ...cases.filter(missesAll).map(missedSentence)].join(' ');
  return [{ kind: 'paragraph', text }];
}

function modelsSentence(cases: readonly AccuracyCase[]): string {
  const places = cases.map(({ sweep }) => sweep);
  const settingsOf = (model: string): string[] =>
    places.filter((place) => place.model === model).map(({ setting }) => `“${setting}”`);
  const settings = new Set(places.map(({ setting }) => setting));
  const models = [...new Set(places.map(({ model }) => model))];
  const isSome = (model: string): boolean => settingsOf(model).length < settings.size;
  const each = models.map((model) => `${model} in ${settingsOf(model).join(', ')}${isSome(model) ? ' only' : ''}`);
  return (
    `Motivation and the static experiments run their models in these settings, as ${experiment}.json has them: ${each.join('; ')}.` +
    (models.some(isSome)
      ? ' That is for time: each setting of a model is a platform of its own that every point is measured on, and all ' +
        'experiments together are to take at most an hour on two cores.'
      : '')
  );
}

/** Whether every frame of every method is late at every deadline, or the method said so or was not tried for it. */
function missesAll(measured: AccuracyCase): boolean {
  return scoresOf(measured).every(({ scores }) =>
    scores.every((score) => score === null || score.late === score.frames),
  );
}

function missedSentence({ sweep, served }: AccuracyCase): string {
  const chosen = sweep.points.flatMap(({ outcomes }) =>
    outcomes.flatMap(({ measured }) => measured?.latenciesMs ?? []),
  );
  const all = [...chosen, ...served.flatMap(({ frames }) => frames.map(({ latencyMs }) => latencyMs))];
  const deadlines = sweep.points.map(({ deadlineMs }) => deadlineMs).join(', ');
  const rates = [...new Set(sweep.points.map(({ mbps }) => mbps))].join(', ');
  const fastest = all.length === 0 ? '' : `, the fastest of its frames took ${seconds(Math.min(...all))}`;
  return (
    `With ${placeOf(sweep)}, every method misses every deadline of the accuracy experiment (${deadlines} ms at ${rates} ` +
    `Mbit/s${fastest}): there it has nothing to compare.`
  );
}
