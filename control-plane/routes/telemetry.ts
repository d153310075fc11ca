import { type Static, type TSchema, Type } from 'typebox';
import { briefFields, fromColumns } from '../../shared/protocol/frame-briefs.ts';
import { ResultsSchema, SamplesSchema, SummarySchema } from '../../shared/protocol/telemetry.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import { requireSelfOrAdmin } from '../access.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { Store } from '../store/store.ts';
import type { StoredReport, TelemetryStore } from '../store/telemetry.ts';
import { requireDevice } from './devices.ts';
import { IdParams, type Page, PageQuery, pageOf, problems, readPage } from './schemas.ts';

const FramesSchema = Type.Object({
  boot: Type.Integer(),
  sequence: Type.Integer(),
  frames: Type.Array(Type.Object({ ...briefFields, at: Type.String() })),
});

const samplesParser = createParser(SamplesSchema, 'store-damaged', 'stored samples');
const summaryParser = createParser(SummarySchema, 'store-damaged', 'stored summary');
const resultsParser = createParser(ResultsSchema, 'store-damaged', 'stored results');

const SampleReport = reportOf(SamplesSchema);
const SummaryReport = reportOf(SummarySchema);
const FramesReport = reportOf(FramesSchema);

export function addTelemetryRoutes(app: HttpServer, { store }: { store: Store }): void {
  app.get(
    '/devices/:id/samples',
    {
      config: { access: ['admin', 'device'] },
      schema: {
        operationId: 'listSamples',
        summary: 'Lists the bandwidth that a device reported, newest first',
        tags: ['devices'],
        params: IdParams,
        querystring: PageQuery,
        response: { 200: pageOf(SampleReport), ...problems },
      },
    },
    (request) => {
      requireSelfOrAdmin(request, request.params.id);
      requireDevice(store, request.params.id);
      return reportPage(store.samples, samplesParser.parseJson, request.params.id, request.query);
    },
  );

  app.get(
    '/devices/:id/summaries',
    {
      config: { access: ['admin', 'device'] },
      schema: {
        operationId: 'listSummaries',
        summary: 'Lists what became of the frames of a device, newest first',
        tags: ['devices'],
        params: IdParams,
        querystring: PageQuery,
        response: { 200: pageOf(SummaryReport), ...problems },
      },
    },
    (request) => {
      requireSelfOrAdmin(request, request.params.id);
      requireDevice(store, request.params.id);
      return reportPage(store.summaries, summaryParser.parseJson, request.params.id, request.query);
    },
  );

  app.get(
    '/devices/:id/results',
    {
      config: { access: ['admin', 'device'] },
      schema: {
        operationId: 'listResults',
        summary: 'Lists the single frames of a device in brief, some seconds a report, newest first',
        tags: ['devices'],
        params: IdParams,
        querystring: PageQuery,
        response: { 200: pageOf(FramesReport), ...problems },
      },
    },
    (request) => {
      requireSelfOrAdmin(request, request.params.id);
      requireDevice(store, request.params.id);
      return reportPage(store.results, readFrames, request.params.id, request.query);
    },
  );
}

function reportOf<S extends TSchema>(message: S) {
  return Type.Object({ receivedAt: Type.String(), report: message });
}

function readFrames(body: string): Static<typeof FramesSchema> {
  const columns = resultsParser.parseJson(body);
  const frames = fromColumns(columns).map(({ atMs, ...brief }) => ({ ...brief, at: new Date(atMs).toISOString() }));
  return { boot: columns.boot, sequence: columns.sequence, frames };
}

function reportPage<T>(
  reports: TelemetryStore,
  parse: (body: string) => T,
  deviceId: string,
  query: PageQuery,
): Page<{ receivedAt: string; report: T }> {
  const read = ({ after, limit }: { after: string | undefined; limit: number }): StoredReport[] =>
    reports.page(deviceId, { before: after === undefined ? undefined : Number(after), limit });
  const { items, next } = readPage(query, read, (report) => String(report.position));
  return { items: items.map(({ receivedAt, body }) => ({ receivedAt, report: parse(body) })), next };
}
