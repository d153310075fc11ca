import { type Static, type TSchema, Type } from 'typebox';
import type { BandwidthTrace } from '../../shared/planner/bandwidth-trace.ts';
import { type TimedSample, tracesOfSamples } from '../../shared/planner/sample-traces.ts';
import { SamplesSchema } from '../../shared/protocol/telemetry.ts';
import { createParser, type Parser } from '../../shared/runtime/schema.ts';
import { apiUrl, askFor } from './admin-client.ts';
import type { ControlPlaneAccess } from './bandwidth-states.ts';

const samplesPages = pagesOf(Type.Object({ report: SamplesSchema }), 'bandwidth samples');
const devicePages = pagesOf(Type.Object({ id: Type.String() }), 'devices');
const itemsPerPage = 500;

/**
 * Reads the bandwidth that devices reported, as far back as the control plane keeps it.
 * @param options.device undefined: all devices of the fleet
 * @param options.reports newest reports of each device that are read, at most
 * @returns device by device in order of time, without the gaps in which it was away; empty where none reported any
 * @throws {FleetError} `not-found` for an unknown device, `usage` for what is no address; what `ask` throws
 */
export async function fetchHistory(
  options: ControlPlaneAccess & { device: string | undefined; reports: number },
): Promise<BandwidthTrace[]> {
  const { device, reports, ...access } = options;
  const traces: BandwidthTrace[] = [];
  for (const id of device === undefined ? await deviceIds(access) : [device]) {
    traces.push(...tracesOfSamples(id, await samplesOf(access, id, reports)));
  }
  return traces;
}

async function deviceIds(access: ControlPlaneAccess): Promise<string[]> {
  const ids: string[] = [];
  for await (const items of pages(access, 'devices', devicePages)) ids.push(...items.map(({ id }) => id));
  return ids;
}

async function samplesOf(access: ControlPlaneAccess, id: string, reports: number): Promise<TimedSample[]> {
  const samples: TimedSample[] = [];
  let read = 0;
  for await (const items of pages(access, `devices/${encodeURIComponent(id)}/samples`, samplesPages)) {
    const wanted = items.slice(0, reports - read).flatMap(({ report }) => report.samples);
    samples.push(...wanted.map(({ at, uplinkMbps }) => ({ atMs: Date.parse(at), mbps: uplinkMbps })));
    read += items.length;
    if (read >= reports) break;
  }
  // A device whose clock says nothing that can be read has no place in the order of time.
  return samples.filter(({ atMs }) => Number.isFinite(atMs));
}

interface PageOf<T> {
  items: T[];
  next: string | null;
}

function pagesOf<S extends TSchema>(item: S, subject: string): Parser<PageOf<Static<S>>> {
  const page = Type.Object({ items: Type.Array(item), next: Type.Union([Type.String(), Type.Null()]) });
  return createParser(page, 'http-answer-unexpected', subject);
}

async function* pages<T>({ controlPlane, token }: ControlPlaneAccess, path: string, parser: Parser<PageOf<T>>) {
  const init = { headers: { authorization: `Bearer ${token}` } };
  for (let cursor: string | null = ''; cursor !== null; ) {
    const url = apiUrl(controlPlane, path);
    url.searchParams.set('limit', String(itemsPerPage));
    if (cursor !== '') url.searchParams.set('cursor', cursor);
    const { items, next } = await askFor(url.toString(), init, parser);
    yield items;
    cursor = next;
  }
}
