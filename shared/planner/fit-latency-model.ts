import type { DescribedLayer } from '../model/describe-model.ts';
import type { LayerType } from '../model/operators.ts';
import type { Profile } from '../protocol/profile.ts';
import { FleetError } from '../runtime/errors.ts';
import { median } from '../runtime/statistics.ts';
import { type LatencyObservation, latencyObservations, type ProfiledModel } from './latency-observations.ts';
import { layerVariables, type VariableForm, type Variables } from './layer-variables.ts';
import { type FitQuality, type FitRow, fitNonNegative, qualityOf } from './non-negative-fit.ts';

/** Least and greatest value of a variable that was measured. */
export type SeenRange = readonly [least: number, greatest: number];

/** A linear function of the variables of one layer type; no coefficient is negative. */
export interface Regression {
  /** ms a unit of each variable. */
  coefficients: Variables;
  /** By variable: beyond it the function was never tried. */
  seen: Readonly<Record<string, SeenRange>>;
  quality: FitQuality;
}

type ByLayerType<T> = Readonly<Partial<Record<LayerType, T>>>;

/**
 * f_device or f_edge: how long layers take on one class of hardware. Plain data, to be kept as JSON.
 * `alone` is the paper's: one regression a layer type, of layers run one by one, what a call costs included.
 * `joint` fits T(segment) = call overhead + Σ f(L) to layers and whole segments at once, for a segment pays for one
 * call and its layers share more than their sum would say: predictions of segments come from it.
 */
export interface LatencyModel {
  hardwareClass: string;
  tier: Profile['tier'];
  form: VariableForm;
  alone: ByLayerType<Regression>;
  joint: {
    callOverheadMs: number;
    /** `quality`: over the segments that hold a layer of this type. */
    types: ByLayerType<Regression>;
    /** Over segments of two layers and more. */
    segments: FitQuality;
  };
  /** Of one segment of the model's deepest branch, by `parameterBytes`. */
  load: Regression;
  /** The 90th percentile of repeated runs is this many times their median. */
  p90Factor: number;
}

interface TypedLayer {
  type: LayerType;
  variables: Variables;
}

interface TypedObservation {
  layers: readonly TypedLayer[];
  ms: number;
}

/**
 * Fits latency to what was measured on one class of hardware; the more models, the wider the range.
 * A type with fewer observations than variables is fitted all the same and says so in its quality.
 * @param models at least one; all of one hardware class and tier
 * @throws {FleetError} `latency-model-no-data` without any time above zero, `profile-mismatch` where digests, classes
 *   or tiers differ, `profile-unusable`
 * @see Li et al., "Edge AI", IEEE TWC 2020, section IV: regression-based layer latency prediction
 */
export function fitLatencyModel(models: readonly ProfiledModel[], form: VariableForm = 'extended'): LatencyModel {
  const { hardwareClass, tier } = commonOrigin(models.map(({ profile }) => profile));
  const observations = models.flatMap(latencyObservations);
  if (observations.length === 0) {
    throw new FleetError('latency-model-no-data', `the ${models.length} profiles hold no time above zero`);
  }
  const typed = observations.map((observation) => toTyped(observation, form));
  const ratios = observations.map(({ timing }) => timing.p90Ms / timing.medianMs);
  return {
    hardwareClass,
    tier,
    form,
    alone: fitAlone(typed),
    joint: fitJoint(typed),
    load: fitLoad(models),
    p90Factor: Math.max(1, median(ratios)),
  };
}

/** The constant and the size of a model: what loading is regressed on. */
export function loadVariables(parameterBytes: readonly number[]): Variables {
  return { perModel: 1, parameterBytes: Math.max(0, ...parameterBytes) };
}

function commonOrigin(profiles: readonly Profile[]): Profile {
  const [first, ...others] = profiles;
  if (first === undefined) throw new FleetError('latency-model-no-data', 'no profile was given');
  for (const { hardwareClass, tier } of others) {
    if (hardwareClass === first.hardwareClass && tier === first.tier) continue;
    const names = `${tier} ${hardwareClass} and ${first.tier} ${first.hardwareClass}`;
    throw new FleetError('profile-mismatch', `profiles of ${names} make no common model`);
  }
  return first;
}

function toTyped({ layers, timing }: LatencyObservation, form: VariableForm): TypedObservation {
  const toLayer = (layer: DescribedLayer) => ({ type: layer.type, variables: layerVariables(layer, form) });
  return { layers: layers.map(toLayer), ms: timing.medianMs };
}

function fitAlone(observations: readonly TypedObservation[]): ByLayerType<Regression> {
  const rows = new Map<LayerType, FitRow[]>();
  for (const { layers, ms } of observations) {
    const [layer] = layers;
    if (layer === undefined || layers.length > 1) continue;
    rows.set(layer.type, [...(rows.get(layer.type) ?? []), { variables: layer.variables, ms }]);
  }
  return Object.fromEntries([...rows].map(([type, ofType]) => [type, fitRegression(ofType)]));
}

function fitJoint(observations: readonly TypedObservation[]): LatencyModel['joint'] {
  const rows = observations.map(toJointRow);
  const coefficients = fitNonNegative(rows);
  const variableCount = Object.keys(coefficients).length;
  const qualityWhere = (isIn: (layers: readonly TypedLayer[]) => boolean): FitQuality => {
    const chosen = rows.filter((_, index) => isIn(observations[index]?.layers ?? []));
    return { ...qualityOf(chosen, coefficients, variableCount), underdetermined: rows.length < variableCount };
  };
  const regressionOf = (type: LayerType): Regression => {
    const ofType = observations.flatMap(({ layers }) => layers.filter((layer) => layer.type === type));
    const seen = seenRanges(ofType.map(({ variables }) => variables));
    return {
      coefficients: mapValues(seen, (name) => coefficients[`${type}.${name}`] ?? 0),
      seen,
      quality: qualityWhere((layers) => layers.some((layer) => layer.type === type)),
    };
  };
  const types = new Set(observations.flatMap(({ layers }) => layers.map(({ type }) => type)));
  return {
    callOverheadMs: coefficients[perCall] ?? 0,
    types: Object.fromEntries([...types].map((type) => [type, regressionOf(type)])),
    segments: qualityWhere((layers) => layers.length > 1),
  };
}

const perCall = 'perCall';

/** The sum of all layers' variables, each under its type's name, and one call. */
function toJointRow({ layers, ms }: TypedObservation): FitRow {
  const variables: Record<string, number> = { [perCall]: 1 };
  for (const { type, variables: ofLayer } of layers) {
    for (const [name, value] of Object.entries(ofLayer)) {
      variables[`${type}.${name}`] = (variables[`${type}.${name}`] ?? 0) + value;
    }
  }
  return { variables, ms };
}

/** Model load by model size. What was loaded longest is the deepest branch as one piece. */
function fitLoad(models: readonly ProfiledModel[]): Regression {
  const rows = models.map(({ profile, description }) => ({
    variables: loadVariables(description.branches.map(({ parameterBytes }) => parameterBytes)),
    ms: profile.modelLoadMs,
  }));
  return fitRegression(rows.filter(({ ms }) => ms > 0 && Number.isFinite(ms)));
}

function fitRegression(rows: readonly FitRow[]): Regression {
  const coefficients = fitNonNegative(rows);
  return {
    coefficients,
    seen: seenRanges(rows.map(({ variables }) => variables)),
    quality: qualityOf(rows, coefficients, Object.keys(coefficients).length),
  };
}

function seenRanges(all: readonly Variables[]): Record<string, SeenRange> {
  const names = new Set(all.flatMap((variables) => Object.keys(variables)));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = all.map((variables) => variables[name] ?? 0);
      return [name, [Math.min(...values), Math.max(...values)]];
    }),
  );
}

function mapValues<T>(record: Readonly<Record<string, unknown>>, toValue: (name: string) => T): Record<string, T> {
  return Object.fromEntries(Object.keys(record).map((name) => [name, toValue(name)]));
}
