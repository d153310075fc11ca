import { barChart } from '../../shared/adapters/charts/draw-chart.ts';
import { madeRuns, type Profile } from '../../shared/protocol/profile.ts';
import { FleetError } from '../../shared/runtime/errors.ts';

/** What Fig. 3 of the paper shows: one branch, layer by layer. */
export interface LayerView extends Omit<Profile, 'schema' | 'exits'> {
  exit: string;
  madeRuns: { least: number; median: number };
  /** Sum over the layers, each run alone, ms. */
  oneByOneMs: number;
  /** The whole branch in one call, ms. */
  asOnePieceMs: number;
  layers: LayerRow[];
}

export interface LayerRow {
  name: string;
  type: string;
  medianMs: number;
  p90Ms: number;
  runs: number;
  outputBytes: number;
}

/**
 * @param exit default: the one with the most layers
 * @throws {FleetError} `model-unknown-exit`
 * @see Li et al., "Edge AI", IEEE TWC 2020, Fig. 3
 */
export function layerView({ schema: _, exits, ...about }: Profile, exit?: string): LayerView {
  const [deepest] = exits.toSorted((one, other) => other.layers.length - one.layers.length);
  const chosen = exit === undefined ? deepest : exits.find(({ name }) => name === exit);
  if (chosen === undefined) {
    throw new FleetError(
      'model-unknown-exit',
      `no exit ${exit}; there are ${exits.map(({ name }) => name).join(', ')}`,
    );
  }
  const layers = chosen.layers.map(({ name, type, outputBytes, timing }) => {
    return { name, type, medianMs: timing.medianMs, p90Ms: timing.p90Ms, runs: timing.runs ?? about.runs, outputBytes };
  });
  return {
    ...about,
    madeRuns: about.madeRuns ?? madeRuns({ exits, runs: about.runs }),
    exit: chosen.name,
    oneByOneMs: layers.reduce((sum, { medianMs }) => sum + medianMs, 0),
    asOnePieceMs: chosen.tail[0]?.medianMs ?? 0,
    layers,
  };
}

/** @returns an SVG file: runtime on the left axis, output size on the right one */
export function layerChart({ exit, tier, hardwareClass, threads, runtime, layers }: LayerView): string {
  return barChart({
    title: `Runtime and output size of each layer, ${exit}`,
    subtitle: `${tier} ${hardwareClass}, ${threads === 1 ? '1 thread' : `${threads} threads`}, ${runtime}`,
    categories: layers.map(({ name }) => name),
    y: { label: 'runtime in ms', min: 0 },
    series: [{ name: 'runtime', values: layers.map(({ medianMs }) => medianMs) }],
    right: {
      y: { label: 'output size in KB', min: 0 },
      series: [{ name: 'output size', values: layers.map(({ outputBytes }) => outputBytes / 1000) }],
    },
    widthPx: Math.max(900, 40 * layers.length),
  });
}
