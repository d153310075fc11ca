import { Type } from 'typebox';
import type { BandwidthTrace } from '../../shared/planner/bandwidth-trace.ts';
import { type TimedSample, tracesOfSamples } from '../../shared/planner/sample-traces.ts';
import { SamplesSchema } from '../../shared/protocol/messages.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { ask } from './admin-client.ts';

const PageSchema = Type.Object({
  items: Type.Array(Type.Object({ report: SamplesSchema })),
  next: Type.Union([Type.String(), Type.Null()]),
});
const pageParser = createParser(PageSchema, 'http-failed', 'bandwidth samples');
const reportsPerPage = 500;

/**
 * Reads the bandwidth that a device reported, as far back as the control plane keeps it.
 * @param options.controlPlane its address
 * @returns in order of time, without the gaps in which the device was away; empty where it never reported any
 * @throws {FleetError} `http-failed`
 */
export async function fetchHistory(options: {
  controlPlane: string;
  token: string;
  device: string;
}): Promise<BandwidthTrace[]> {
  const { controlPlane, token, device } = options;
  const init = { headers: { authorization: `Bearer ${token}` } };
  const samples: TimedSample[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const url = new URL(`/api/v1/devices/${encodeURIComponent(device)}/samples`, controlPlane);
    url.searchParams.set('limit', String(reportsPerPage));
    if (cursor !== '') url.searchParams.set('cursor', cursor);
    const { items, next } = pageParser.parse(await (await ask(url.toString(), init)).json());
    const page = items.flatMap(({ report }) => report.samples);
    samples.push(...page.map(({ at, uplinkMbps }) => ({ atMs: Date.parse(at), mbps: uplinkMbps })));
    cursor = next;
  }
  return tracesOfSamples(device, samples);
}
