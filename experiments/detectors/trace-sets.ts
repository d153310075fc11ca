import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BandwidthTrace, parseTraces, scaleTrace } from '../../shared/planner/bandwidth-trace.ts';
import { FleetError, messageOf } from '../../shared/runtime/errors.ts';

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
 * @throws {FleetError} `trace-unreadable`, `data-missing` where a folder or file is missing
 */
export function readTraceSets(dataFolder: string): TraceSet[] {
  const belgianFolder = join(dataFolder, 'lte-belgium');
  const belgian = present(belgianFolder, (path) => readdirSync(path))
    .toSorted()
    .flatMap((name) => parseTraces(name, present(join(belgianFolder, name), readText)))
    .map((trace) => scaleTrace(trace, belgianScale));
  const oboe = parseTraces('oboe', present(join(dataFolder, 'oboe', 'oboe_traces.csv'), readText));
  return [
    { name: 'belgian', traces: belgian },
    { name: 'oboe', traces: oboe },
  ];
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function present<T>(path: string, read: (path: string) => T): T {
  try {
    return read(path);
  } catch (cause) {
    throw new FleetError('data-missing', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
