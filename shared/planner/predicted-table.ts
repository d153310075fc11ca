import type { ModelDescription } from '../model/describe-model.ts';
import type { LatencyTable } from '../protocol/profile.ts';
import { fitLatencyModel } from './fit-latency-model.ts';
import type { ProfiledModel } from './latency-observations.ts';
import { outsideRanges, predictLatencyTable } from './predict-latency.ts';

/**
 * Plans a model for a class of hardware where it was never measured, by what other models took there.
 * @param models measured on that class; at least one
 * @returns undefined where the model has layers of a type that none of them has: such a layer would count as taking no
 *   time, and plans would put all of them where they are
 * @throws {FleetError} what `fitLatencyModel` throws
 */
export function predictedTable(
  description: ModelDescription,
  models: readonly ProfiledModel[],
): LatencyTable | undefined {
  const model = fitLatencyModel(models);
  if (outsideRanges(description, model).some(({ seen }) => seen === null)) return undefined;
  return predictLatencyTable(description, model);
}
