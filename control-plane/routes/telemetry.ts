import { type TSchema, Type } from 'typebox';
import { SamplesSchema, SummarySchema } from '../../shared/protocol/messages.ts';
import { createParser, type Parser } from '../../shared/runtime/schema.ts';
import { requireSelfOrAdmin } from '../access.ts';
import type { HttpServer } from '../http-server-type.ts';
import type { Store } from '../store/store.ts';
import type { StoredReport, TelemetryStore } from '../store/telemetry.ts';
import { requireDevice } from './devices.ts';
import { IdParams, type Page, PageQuery, pageOf, problems, readPage } from './schemas.ts';

const SampleReport = reportOf(SamplesSchema);
const SummaryReport = reportOf(SummarySchema);
const samplesParser = createParser(SamplesSchema, 'store-damaged', 'stored samples');
const summaryParser = createParser(SummarySchema, 'store-damaged', 'stored summary');

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
      return reportPage(store.samples, samplesParser, request.params.id, request.query);
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
      return reportPage(store.summaries, summaryParser, request.params.id, request.query);
    },
  );
}

function reportOf<S extends TSchema>(message: S) {
  return Type.Object({ receivedAt: Type.String(), report: message });
}

function reportPage<T>(
  reports: TelemetryStore,
  parser: Parser<T>,
  deviceId: string,
  query: PageQuery,
): Page<{ receivedAt: string; report: T }> {
  const read = ({ after, limit }: { after: string | undefined; limit: number }): StoredReport[] =>
    reports.page(deviceId, { before: after === undefined ? undefined : Number(after), limit });
  const { items, next } = readPage(query, read, (report) => String(report.position));
  return { items: items.map(({ receivedAt, body }) => ({ receivedAt, report: parser.parseJson(body) })), next };
}
