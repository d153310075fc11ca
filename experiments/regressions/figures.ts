import type { ModelDescription } from '../../shared/model/describe-model.ts';
import { fitLatencyModel, type LatencyModel } from '../../shared/planner/fit-latency-model.ts';
import type { ProfiledModel } from '../../shared/planner/latency-observations.ts';
import type { VariableForm } from '../../shared/planner/layer-variables.ts';
import type { ModelShape } from '../../shared/planner/plan.ts';
import { type PlanningInput, predict } from '../../shared/planner/predict.ts';
import { outsideRanges, predictLatencyTable, predictLayer } from '../../shared/planner/predict-latency.ts';
import { preparePlans } from '../../shared/planner/prepared-plans.ts';
import { policyParser } from '../../shared/protocol/messages.ts';
import { type LatencyTable, latencyTable } from '../../shared/protocol/profile.ts';
import { encodings } from '../../shared/protocol/tensor-encoding.ts';
import { median, percentile } from '../../shared/runtime/statistics.ts';
import type { KnownModel } from './known-models.ts';

/** Spread of |predicted / measured − 1|. */
export interface ErrorSpread {
  count: number;
  median: number;
  p90: number;
  greatest: number;
}

/** How well one model's times are predicted by a regression over others, or over its own. */
export interface RegressionFigure {
  trainedOn: readonly KnownModel[];
  predicted: KnownModel;
  form: VariableForm;
  /** Heads and tails of every partition of every exit, as a table that is planned with holds them. */
  segments: ErrorSpread;
  /** Single layers by the paper's own regressions. */
  layers: ErrorSpread;
  /** T(plan) of every exit, partition and encoding at all of `linksMbps`, transfers included, the device emulated. */
  plans: ErrorSpread;
  /** Layers with a variable beyond what was trained on. */
  extrapolatedLayers: number;
}

/** Which models are predicted from which; the first is the model's own class, the others never saw what they predict. */
export const comparisons: readonly { trainedOn: readonly KnownModel[]; predicted: KnownModel }[] = [
  ...(['alexnet-32', 'alexnet-128', 'dense', 'resnet'] as const).map((name) => ({
    trainedOn: [name],
    predicted: name,
  })),
  { trainedOn: ['alexnet-32', 'dense', 'resnet'], predicted: 'alexnet-128' },
  { trainedOn: ['alexnet-128', 'dense', 'resnet'], predicted: 'alexnet-32' },
  { trainedOn: ['alexnet-32', 'alexnet-128', 'resnet'], predicted: 'dense' },
  { trainedOn: ['alexnet-32', 'alexnet-128', 'dense'], predicted: 'resnet' },
  ...(['alexnet-32', 'alexnet-128', 'dense', 'resnet'] as const).map((name) => {
    return { trainedOn: ['calibration'] as const, predicted: name };
  }),
];

/** Uplinks over which plans are compared, Mbit/s. */
export const linksMbps = [1, 5, 20];

/** @throws {FleetError} what `fitLatencyModel` throws */
export function regressionFigures(
  profiled: ReadonlyMap<KnownModel, ProfiledModel>,
  forms: readonly VariableForm[] = ['paper', 'extended'],
): RegressionFigure[] {
  return comparisons.flatMap(({ trainedOn, predicted }) => {
    const training = trainedOn.flatMap((name) => profiled.get(name) ?? []);
    const target = profiled.get(predicted);
    if (target === undefined || training.length < trainedOn.length) return [];
    return forms.map((form) => ({ trainedOn, predicted, form, ...compare(fitLatencyModel(training, form), target) }));
  });
}

type Comparison = Pick<RegressionFigure, 'segments' | 'layers' | 'plans' | 'extrapolatedLayers'>;

function compare(model: LatencyModel, { profile, description }: ProfiledModel): Comparison {
  const measured = latencyTable(profile);
  const predicted = predictLatencyTable(description, model);
  const outside = outsideRanges(description, model);
  return {
    segments: spreadOf(segmentErrors(predicted, measured)),
    layers: spreadOf(layerErrors(model, { profile, description })),
    plans: spreadOf(planErrors(description, predicted, measured)),
    extrapolatedLayers: new Set(outside.map(({ layer }) => layer)).size,
  };
}

function segmentErrors(predicted: LatencyTable, measured: LatencyTable): number[] {
  const timesOf = ({ exits }: LatencyTable) =>
    exits.flatMap(({ head, tail }) => [...head.slice(1), ...tail.slice(0, -1)]);
  const want = timesOf(measured);
  return timesOf(predicted).map(({ medianMs }, index) => relativeError(medianMs, want[index]?.medianMs));
}

function layerErrors(model: LatencyModel, { profile, description }: Pick<ProfiledModel, 'profile' | 'description'>) {
  return description.branches.flatMap(({ layers }, exit) =>
    layers.map((layer, index) => {
      return relativeError(predictLayer(layer, model).ms, profile.exits[exit]?.layers[index]?.timing.medianMs);
    }),
  );
}

function planErrors(description: ModelDescription, predicted: LatencyTable, measured: LatencyTable): number[] {
  return linksMbps.flatMap((uplinkMbps) => {
    const [believed, real] = [predicted, measured].map((table) => planningInput(description, table, uplinkMbps));
    if (believed === undefined || real === undefined) return [];
    return real.plans.all
      .filter(({ plan }) => plan.direction === 'device-first')
      .map(({ plan }) => relativeError(predict(believed, plan)?.totalMs, predict(real, plan)?.totalMs));
  });
}

/** A worker as fast as the machine that was profiled, a device emulated 20 times slower, a round trip of 5 ms. */
function planningInput({ branches }: ModelDescription, table: LatencyTable, uplinkMbps: number): PlanningInput {
  const exits: ModelShape['exits'] = branches.map(({ exit, cuts }) => ({
    name: exit,
    accuracy: 1,
    cuts: cuts.map(({ tensors }) => tensors.map(({ elements, dims }) => ({ elements, rank: dims.length }))),
  }));
  return {
    plans: preparePlans({ model: { exits }, device: table, worker: table }),
    policy: policyParser.parse({
      name: 'regressions',
      version: 1,
      deadlineMs: 1000,
      minimumAccuracy: 0,
      accuracyTolerance: 0,
      encodings: [...encodings],
      directions: ['device-first'],
      marginMs: 0,
    }),
    processorFactor: 20,
    offload: { queueMs: 0, link: { uplinkMbps, downlinkMbps: uplinkMbps, rttMs: 5 } },
    encodeNs: { f32: 0, f16: 5, u8: 2 },
    decodeNs: { f32: 0, f16: 0, u8: 0 },
  };
}

function relativeError(predicted = Number.NaN, measured = Number.NaN): number {
  return Math.abs(predicted / measured - 1);
}

function spreadOf(errors: readonly number[]): ErrorSpread {
  return {
    count: errors.length,
    median: median(errors),
    p90: percentile(errors, 0.9),
    greatest: Math.max(...errors),
  };
}
