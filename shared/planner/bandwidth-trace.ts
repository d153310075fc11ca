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

/** Where nothing was measured for longer, what the link did meanwhile is not known. */
export const longestGapMs = 5000;

/**
 * Reads a bandwidth log: the Belgian 4G/LTE format (six columns: Unix time, time since the log began, latitude,
 * longitude, bytes and length of the interval that ends there; times in ms) or the Oboe table (CSV
 * `trace,start_ms,end_ms,kbps`; one trace for each number in it).
 *
 * Time only goes forward, and no time is unaccounted for. Belgian: both times of a line are those of the line before
 * and the line's own interval, to the ms; so a line that is missing, repeated or out of order is refused, while an
 * interval without reception may be as long as its line says. Oboe: a row begins at or after the end of its trace's row
 * before; between them the rate before stays, for 5 s at most.
 * @param name for messages and reports, usually the file's
 * @returns steps that begin at 0 and ascend strictly, each of a finite rate, 0 or more
 * @throws {FleetError} `trace-unreadable`, with the file and line where there is one
 */
export function parseTraces(name: string, text: string): BandwidthTrace[] {
  const lines = text
    .split('\n')
    .map((line, index) => ({ text: line.trim(), place: `${name}:${index + 1}` }))
    .filter((line) => line.text !== '');
  const rows = lines[0]?.text.startsWith('trace,') ? lines.slice(1) : lines;
  if (rows.length === 0) throw new FleetError('trace-unreadable', `${name}: no lines`);
  return rows === lines ? [parseBelgian(name, rows)] : parseOboe(name, rows);
}

/** @returns the trace with every rate multiplied */
export function scaleTrace(trace: BandwidthTrace, factor: number): BandwidthTrace {
  return { ...trace, steps: trace.steps.map(({ startMs, mbps }) => ({ startMs, mbps: mbps * factor })) };
}

/** @returns the rate at a time, the trace repeating for ever */
export function rateAt(trace: BandwidthTrace, timeMs: number): number {
  return trace.steps[stepAt(trace, timeMs % trace.durationMs)]?.mbps ?? 0;
}

/** @returns bytes that the trace carries between two moments, ms since it began, the trace repeating for ever */
export function transmittedBytes(trace: BandwidthTrace, startMs: number, endMs: number): number {
  const { steps, durationMs } = trace;
  let kilobits = 0;
  let index = stepAt(trace, startMs % durationMs);
  let roundMs = startMs - (startMs % durationMs);
  for (let nowMs = startMs; nowMs < endMs; index = (index + 1) % steps.length) {
    const untilMs = Math.min(endMs, roundMs + (steps[index + 1]?.startMs ?? durationMs));
    kilobits += (steps[index]?.mbps ?? 0) * Math.max(0, untilMs - nowMs);
    nowMs = untilMs;
    if (index === steps.length - 1) roundMs += durationMs;
  }
  return (kilobits * 1000) / 8;
}

/**
 * @param startMs when the first bit leaves, ms since the trace began
 * @returns when the last bit has left; infinite where the trace carries nothing at all
 */
export function transmissionEndMs(trace: BandwidthTrace, startMs: number, bytes: number): number {
  const { steps, durationMs } = trace;
  let kilobits = (bytes * 8) / 1000;
  if (kilobits === 0) return startMs;
  let round = Math.floor(startMs / durationMs);
  let offsetMs = Math.max(0, startMs - round * durationMs);
  let index = stepAt(trace, offsetMs);
  for (let walked = 1; ; walked += 1) {
    const mbps = steps[index]?.mbps ?? 0;
    const endMs = steps[index + 1]?.startMs ?? durationMs;
    const capacity = mbps * Math.max(0, endMs - offsetMs);
    if (mbps > 0 && capacity >= kilobits) return round * durationMs + offsetMs + kilobits / mbps;
    kilobits -= capacity;
    index = (index + 1) % steps.length;
    offsetMs = index === 0 ? 0 : endMs;
    if (index === 0) round += 1;
    if (walked !== steps.length) continue;
    const whole = roundKilobits(trace);
    if (!(whole > 0)) return Number.POSITIVE_INFINITY;
    // Something is left for the last round: the last bit leaves in a step that carries.
    const skippedRounds = Math.max(0, Math.ceil(kilobits / whole) - 1);
    kilobits -= skippedRounds * whole;
    round += skippedRounds;
  }
}

/** @returns what the trace carries from its begin to its end */
function roundKilobits({ steps, durationMs }: BandwidthTrace): number {
  return steps.reduce((sum, { startMs, mbps }, i) => sum + mbps * ((steps[i + 1]?.startMs ?? durationMs) - startMs), 0);
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

interface Row {
  text: string;
  /** File and line. */
  place: string;
}

/** Times of the Belgian logs are whole ms: what a writer rounds is off by no more. */
const roundedMs = 1;

function parseBelgian(name: string, rows: readonly Row[]): BandwidthTrace {
  let startMs = 0;
  let before: number[] = [];
  const steps = rows.map(({ text, place }) => {
    const fields = text.split(/\s+/);
    const [unixMs = Number.NaN, elapsedMs = Number.NaN, , , bytes = Number.NaN, intervalMs = Number.NaN] =
      fields.map(numberOf);
    const times = [unixMs, elapsedMs];
    const step = { startMs, mbps: (8 * bytes) / intervalMs / 1000 };
    const isRate = bytes >= 0 && intervalMs > 0 && Number.isFinite(step.mbps);
    startMs += intervalMs;
    if (fields.length !== 6 || times.some(Number.isNaN) || !isRate || !(startMs > step.startMs)) {
      throw unreadable(place, 'six columns', text);
    }
    requireContinuity(place, before, { times, intervalMs });
    before = times;
    return step;
  });
  requireTraffic(name, steps);
  return { name, steps, durationMs: startMs };
}

/** @param before times of the line before; empty at the first line, whose interval may have begun at any time */
function requireContinuity(
  place: string,
  before: readonly number[],
  { times, intervalMs }: { times: readonly number[]; intervalMs: number },
): void {
  for (const [column, earlierMs] of before.entries()) {
    const passedMs = (times[column] ?? Number.NaN) - earlierMs;
    if (passedMs > 0 && Math.abs(passedMs - intervalMs) <= roundedMs) continue;
    const fault =
      passedMs > 0 ? `${passedMs} ms passed, its interval has ${intervalMs}` : `${passedMs} ms: back in time`;
    throw new FleetError('trace-unreadable', `${place}: by column ${column + 1}, since the line before ${fault}`);
  }
}

function parseOboe(name: string, rows: readonly Row[]): BandwidthTrace[] {
  const groups = new Map<string, { startMs: number; endMs: number; mbps: number }[]>();
  for (const { text, place } of rows) {
    const [trace = '', ...fields] = text.split(',');
    const [startMs = Number.NaN, endMs = Number.NaN, kbps = Number.NaN] = fields.map(numberOf);
    const group = groups.get(trace) ?? [];
    const before = group.at(-1);
    const follows = startMs >= (before?.endMs ?? 0) && endMs > startMs;
    if (fields.length !== 3 || !follows || !(kbps >= 0)) {
      throw unreadable(place, 'trace,start_ms,end_ms,kbps in order of time', text);
    }
    if (before !== undefined && startMs - before.endMs > longestGapMs) {
      const gap = `nothing was measured for ${startMs - before.endMs} ms before it, ${longestGapMs} may be missing`;
      throw new FleetError('trace-unreadable', `${place}: ${gap}`);
    }
    group.push({ startMs, endMs, mbps: kbps / 1000 });
    groups.set(trace, group);
  }
  return [...groups].map(([trace, chunks]) => {
    const origin = chunks[0]?.startMs ?? 0;
    const steps = chunks.map(({ startMs, mbps }) => ({ startMs: startMs - origin, mbps }));
    requireTraffic(`${name}#${trace}`, steps);
    return { name: `${name}#${trace}`, steps, durationMs: (chunks.at(-1)?.endMs ?? 1) - origin };
  });
}

/** @returns NaN for whatever is no finite decimal number */
function numberOf(text: string): number {
  const number = /^-?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}

function unreadable(place: string, expected: string, text: string): FleetError {
  return new FleetError('trace-unreadable', `${place}: expected ${expected}, got "${text.slice(0, 60)}"`);
}

/** A link that never carries a byte would keep every sender waiting for ever. */
function requireTraffic(name: string, steps: readonly { mbps: number }[]): void {
  if (!steps.some(({ mbps }) => mbps > 0)) throw new FleetError('trace-unreadable', `${name}: all rates are zero`);
}
