import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { ProfiledModel } from '../../shared/planner/latency-observations.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import { type ErrorSpread, regressionFigures } from './figures.ts';
import { fixturesFolder, type KnownModel, knownModels, readProfiled, writeProfile } from './known-models.ts';
import { measureProfiles } from './measure-profiles.ts';

/** Prints how well the regressions predict; `--measure <rounds>` profiles this machine first, `--folder` says where. */
const { values } = parseArgs({
  options: { measure: { type: 'string' }, folder: { type: 'string', default: fixturesFolder } },
});
const { measure, folder } = values;

if (measure !== undefined) {
  if (!/^[1-9]\d?$/.test(measure)) throw new FleetError('usage', `--measure ${measure}: how many rounds, 1 to 99`);
  await mkdir(folder, { recursive: true });
  await measureProfiles(Number(measure), (name, profile) => writeProfile(name, folder, profile));
}
const profiled = new Map<KnownModel, ProfiledModel>();
for (const name of knownModels) profiled.set(name, await readProfiled(name, folder));

process.stdout.write(
  '| trained on | predicted | variables | segments | layers alone | plans | layers out of range |\n',
);
process.stdout.write('|---|---|---|---|---|---|---|\n');
for (const { trainedOn, predicted, form, segments, layers, plans, extrapolatedLayers } of regressionFigures(profiled)) {
  const cells = [trainedOn.join(', '), predicted, form, percent(segments), percent(layers), percent(plans)];
  process.stdout.write(`| ${[...cells, extrapolatedLayers].join(' | ')} |\n`);
}

/** Median, 90th percentile and greatest of the relative errors. */
function percent({ median, p90, greatest }: ErrorSpread): string {
  return `${[median, p90, greatest].map((share) => (100 * share).toFixed(1)).join(' / ')} %`;
}
