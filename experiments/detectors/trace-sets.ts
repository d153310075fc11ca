import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BandwidthTrace, parseTraces, scaleTrace } from '../../shared/planner/bandwidth-trace.ts';

/** Belgian logs carry 30 Mbit/s in the mean and 111 at most, which stresses nothing: this makes 2.7 and 10 of it. */
export const belgianScale = 0.09;

/** Traces of one origin: they are folds of each other. */
export interface TraceSet {
  readonly name: 'belgian' | 'oboe';
  readonly traces: readonly BandwidthTrace[];
}

/**
 * Reads the public traces, the Belgian ones scaled.
 * @param dataFolder has `lte-belgium/` and `oboe/`
 * @throws {FleetError} `trace-unreadable`; what the file system throws where a folder or file is missing
 */
export function readTraceSets(dataFolder: string): TraceSet[] {
  const belgianFolder = join(dataFolder, 'lte-belgium');
  const belgian = readdirSync(belgianFolder)
    .toSorted()
    .flatMap((name) => parseTraces(name, readFileSync(join(belgianFolder, name), 'utf8')))
    .map((trace) => scaleTrace(trace, belgianScale));
  const oboe = parseTraces('oboe', readFileSync(join(dataFolder, 'oboe', 'oboe_traces.csv'), 'utf8'));
  return [
    { name: 'belgian', traces: belgian },
    { name: 'oboe', traces: oboe },
  ];
}
