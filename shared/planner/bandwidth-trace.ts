import { FleetError } from '../runtime/errors.ts';

/** Bandwidth over time, piecewise constant: from `startMs` of a step to the next one's. */
export interface BandwidthTrace {
  name: string;
  steps: readonly { startMs: number; mbps: number }[];
  /** Where the last step ends and the trace begins anew, ms. */
  durationMs: number;
}

/** @returns a trace of one rate for ever */
export function constantTrace(mbps: number): BandwidthTrace {
  return { name: `${mbps} Mbit/s`, steps: [{ startMs: 0, mbps }], durationMs: 1000 };
}

/**
 * Reads a bandwidth log: the Belgian 4G/LTE format (six columns, bytes and ms of each interval last) or the
 * Oboe table (CSV `trace,start_ms,end_ms,kbps`; one trace for each number in it).
 * @param name for messages and reports, usually the file's
 * @throws {FleetError} `trace-unreadable`
 */
export function parseTraces(name: string, text: string): BandwidthTrace[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const traces = lines[0]?.startsWith('trace,') ? parseOboe(name, lines.slice(1)) : [parseBelgian(name, lines)];
  if (traces.length === 0) throw new FleetError('trace-unreadable', `${name}: no lines`);
  return traces;
}

/** @returns the trace with every rate multiplied */
export function scaleTrace(trace: BandwidthTrace, factor: number): BandwidthTrace {
  return { ...trace, steps: trace.steps.map(({ startMs, mbps }) => ({ startMs, mbps: mbps * factor })) };
}

/** @returns the rate at a time, the trace repeating for ever */
export function rateAt(trace: BandwidthTrace, timeMs: number): number {
  return trace.steps[stepAt(trace, timeMs % trace.durationMs)]?.mbps ?? 0;
}

/**
 * @param startMs when the first bit leaves, ms since the trace began
 * @returns when the last bit has left
 */
export function transmissionEndMs(trace: BandwidthTrace, startMs: number, bytes: number): number {
  let kilobits = (bytes * 8) / 1000;
  let now = startMs;
  for (;;) {
    const round = Math.floor(now / trace.durationMs) * trace.durationMs;
    const index = stepAt(trace, now - round);
    const mbps = trace.steps[index]?.mbps ?? 0;
    const stepEnd = round + (trace.steps[index + 1]?.startMs ?? trace.durationMs);
    if (mbps * (stepEnd - now) >= kilobits) return now + kilobits / mbps;
    kilobits -= mbps * (stepEnd - now);
    now = stepEnd;
  }
}

function stepAt({ steps }: BandwidthTrace, timeMs: number): number {
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((steps[middle]?.startMs ?? 0) <= timeMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

function parseBelgian(name: string, lines: readonly string[]): BandwidthTrace {
  let startMs = 0;
  const steps = lines.map((line, index) => {
    const fields = line.trim().split(/\s+/).map(Number);
    const [, , , , bytes, intervalMs] = fields;
    if (fields.length !== 6 || bytes === undefined || !Number.isFinite(bytes) || !(Number(intervalMs) > 0)) {
      throw new FleetError('trace-unreadable', `${name}:${index + 1}: expected six columns, got "${line.slice(0, 60)}"`);
    }
    const step = { startMs, mbps: (8 * bytes) / Number(intervalMs) / 1000 };
    startMs += Number(intervalMs);
    return step;
  });
  requireTraffic(name, steps);
  return { name, steps, durationMs: startMs };
}

function parseOboe(name: string, lines: readonly string[]): BandwidthTrace[] {
  const groups = new Map<string, { startMs: number; endMs: number; mbps: number }[]>();
  for (const [index, line] of lines.entries()) {
    const [trace, startMs, endMs, kbps] = line.split(',');
    if (trace === undefined || !Number.isFinite(Number(kbps)) || !(Number(endMs) > Number(startMs))) {
      throw new FleetError('trace-unreadable', `${name}:${index + 2}: expected trace,start_ms,end_ms,kbps`);
    }
    const group = groups.get(trace) ?? [];
    group.push({ startMs: Number(startMs), endMs: Number(endMs), mbps: Number(kbps) / 1000 });
    groups.set(trace, group);
  }
  return [...groups].map(([trace, chunks]) => {
    const origin = chunks[0]?.startMs ?? 0;
    const steps = chunks.map(({ startMs, mbps }) => ({ startMs: startMs - origin, mbps }));
    requireTraffic(`${name}#${trace}`, steps);
    return { name: `${name}#${trace}`, steps, durationMs: (chunks.at(-1)?.endMs ?? 1) - origin };
  });
}

/** A link that never carries a byte would keep every sender waiting for ever. */
function requireTraffic(name: string, steps: readonly { mbps: number }[]): void {
  if (!steps.some(({ mbps }) => mbps > 0)) throw new FleetError('trace-unreadable', `${name}: all rates are zero`);
}
