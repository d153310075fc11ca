import { Type } from 'typebox';
import { modelShape } from '../../../shared/planner/model-shape.ts';
import { defineExperiment, type ExperimentContext } from '../experiment.ts';
import { profileOf } from '../factors.ts';
import { openModel } from '../models.ts';
import type { ModelName } from '../settings.ts';
import { agreementBlocks, agreementClaims } from './agreement-blocks.ts';
import { type Case, CaseSchema } from './cases.ts';
import { calibratedModel } from './latency-model.ts';
import { measureCase } from './measure-case.ts';
import { type PlansByWay, plansByWay } from './predict-by-way.ts';

/** Not of the paper, which gives no such figure: how well times are predicted that plans are chosen by. */
export const agreement = defineExperiment({
  name: 'agreement',
  schema: Type.Object({ cases: Type.Array(CaseSchema, { minItems: 1 }) }),
  async run(context) {
    const plans = await preparePlans(context);
    const { deviceFactors, links } = context.scale.agreement;
    const cases: Case[] = [];
    for (const device of deviceFactors) {
      const place = { model, factors: { device, worker: 1 } };
      for (const link of links) cases.push(await measureCase(context, { place, plans, link }));
    }
    return { cases };
  },
  chapter: ({ cases }) => ({
    title: 'Predicted and measured times',
    claims: agreementClaims(cases),
    blocks: agreementBlocks(cases),
  }),
});

const model: ModelName = 'branchy-alexnet-32';

async function preparePlans(context: ExperimentContext): Promise<PlansByWay> {
  const latencyModel = await calibratedModel(context);
  const profile = await profileOf(context, model);
  const {
    description,
    package: { manifest },
  } = await openModel(model);
  return plansByWay({ profile, latencyModel, description, model: modelShape(description, manifest) });
}
