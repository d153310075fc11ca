import { countMissing } from '../../shared/protocol/sequence-ranges.ts';
import type { Report, Telemetry } from '../../shared/protocol/telemetry.ts';
import type { Store } from '../store/store.ts';

/**
 * Stores what a device reports: each report once, however often it comes, and counts what is lost. The caller holds the
 * transaction, and acknowledges when it is committed.
 * @param at ISO 8601, UTC
 */
export function applyTelemetry(store: Store, deviceId: string, telemetry: Telemetry, at: string): void {
  const { boot, covers, reports, refused } = telemetry;
  if (covers === undefined) return;
  const held = store.deliveries.held(deviceId, boot);
  const missing = countMissing(held, covers);
  // What is not remembered is not stored either: it comes again when the gaps before it are closed.
  if (missing === 0 || !store.deliveries.add(deviceId, boot, covers)) return;
  const news = new Map(reports.map((report) => [report.sequence, report]));
  for (const sequence of news.keys()) {
    if (countMissing(held, { first: sequence, last: sequence }) === 0) news.delete(sequence);
  }
  for (const report of news.values()) storeReport(store, deviceId, { boot, report, at });
  const lost = missing - news.size - refused;
  if (lost > 0) store.members.addLost(deviceId, lost);
}

function storeReport(
  store: Store,
  deviceId: string,
  { boot, report, at }: { boot: number; report: Report; at: string },
): void {
  const { kind, ...content } = report;
  const stored = { schema: 1 as const, boot, ...content };
  switch (kind) {
    case 'samples':
      store.samples.add(deviceId, stored, at);
      return;
    case 'summary':
      if (store.summaries.add(deviceId, stored, at)) store.members.addFrames(deviceId, report);
      return;
    case 'results':
      store.results.add(deviceId, stored, at);
      return;
  }
}
