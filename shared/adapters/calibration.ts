import type { Chain } from '../model/calibration-chains.ts';
import { calibrationModel } from '../model/calibration-model.ts';
import { describeModel } from '../model/describe-model.ts';
import { digestOf } from '../model/model-package.ts';
import { parseModel } from '../model/parse-model.ts';
import type { ProfiledModel } from '../planner/latency-observations.ts';
import { type ProfileModelOptions, profileModel } from './profile-model.ts';
import { traceShapes } from './trace-shapes.ts';

export interface CalibrateOptions extends Omit<ProfileModelOptions, 'graph' | 'shapes' | 'digest' | 'budgetMs'> {
  /** Instead of the usual ones. */
  chains?: readonly Chain[];
}

/** Few runs of many layers teach a regression more than many runs of few: the whole set takes about 15 s here. */
const defaultRuns = 10;
const budgetMs = 20_000;

/**
 * Measures layers and chains of many sizes on this machine, once a class of hardware: with them a latency model can
 * predict models that were never run there. Takes about 100 MB of memory meanwhile.
 * @throws {FleetError} what `profileModel` throws
 */
export async function calibrate({ chains, runs = defaultRuns, ...options }: CalibrateOptions): Promise<ProfiledModel> {
  const bytes = calibrationModel(chains);
  const graph = parseModel(bytes);
  const shapes = await traceShapes(graph);
  const digest = digestOf(bytes);
  const profile = await profileModel({ ...options, graph, shapes, digest, runs, budgetMs });
  return { profile, description: describeModel(graph, shapes), digest };
}
