import { Type } from 'typebox';
import { type Profile, ProfileSchema } from '../../shared/protocol/profile.ts';
import type { ExperimentContext } from './experiment.ts';
import { openModel, profileHere, timeDeepestExit } from './models.ts';
import {
  type Factors,
  linkBoundSetting,
  type ModelName,
  type SettingName,
  type Slowness,
  settings,
} from './settings.ts';

/** @returns the factors of a setting for one model, of three digits */
export async function factorsOf(context: ExperimentContext, name: SettingName, model: ModelName): Promise<Factors> {
  const setting = [...settings, linkBoundSetting].find((each) => each.name === name);
  const ownMs = await ownTimeOf(context, model);
  const factor = (slowness: Slowness = { factor: 1 }): number =>
    'factor' in slowness ? slowness.factor : Math.max(1, Number((slowness.wholeMs / ownMs).toPrecision(3)));
  return { device: factor(setting?.device), worker: factor(setting?.worker) };
}

/** @returns the profile of a model on this machine, not slowed */
export function profileOf({ point, scale, progress }: ExperimentContext, model: ModelName): Promise<Profile> {
  const inputs = { what: 'profile', model, runs: scale.profileRuns };
  return point(inputs, ProfileSchema, async () => {
    progress(`profiling ${model} on this machine`);
    return profileHere(await openModel(model), scale.profileRuns);
  });
}

/** @returns the least time of the deepest exit run whole, ms: what emulation stretches */
async function ownTimeOf({ point, progress }: ExperimentContext, name: ModelName): Promise<number> {
  const measured = await point({ what: 'own time', model: name }, Type.Object({ minMs: Type.Number() }), async () => {
    progress(`timing ${name} on this machine`);
    return { minMs: await timeDeepestExit(await openModel(name)) };
  });
  return measured.minMs;
}
