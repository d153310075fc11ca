import { type Static, Type } from 'typebox';
import { isFleetError } from '../runtime/errors.ts';
import { createParser } from '../runtime/schema.ts';
import { frameColumns, fromColumns } from './frame-briefs.ts';
import { DirectionSchema, EncodingSchema } from './plan-schema.ts';
import { SequenceRangeSchema, SequenceRangesSchema, SequenceSchema } from './sequence-ranges.ts';

/**
 * What a device reports of itself, and how it is handed over so that nothing is lost and nothing counts twice.
 *
 * Each report has a number, from 1 in each boot of its device: (device, boot, sequence) names it for ever. The device
 * keeps it until the control plane says that it is stored; the broker's word for it would not do. Both sides may say
 * everything any number of times.
 */
const Boot = Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 });

const samples = {
  /** Bandwidth that the device saw since its last report. */
  samples: Type.Array(
    Type.Object({
      at: Type.String(),
      uplinkMbps: Type.Number({ exclusiveMinimum: 0 }),
      bytes: Type.Integer({ minimum: 1 }),
      source: Type.Union([Type.Literal('passive'), Type.Literal('probe')]),
    }),
    { maxItems: 500 },
  ),
};

/** Frames of one reporting interval, counted. */
const summary = {
  from: Type.String(),
  to: Type.String(),
  configurationVersion: Type.Integer({ minimum: 0 }),
  frames: Type.Integer({ minimum: 0 }),
  met: Type.Integer({ minimum: 0 }),
  missed: Type.Integer({ minimum: 0 }),
  fallbacks: Type.Integer({ minimum: 0 }),
  /** Replies of the worker that came too late to be used, whenever their frames were; absent from releases before. */
  lateReplies: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Frames of which an exit that the head had passed was asked, and those that ended there; absent from releases before. */
  earlyExitsAsked: Type.Optional(Type.Integer({ minimum: 0 })),
  earlyExitsAnswered: Type.Optional(Type.Integer({ minimum: 0 })),
  uploadBytes: Type.Integer({ minimum: 0 }),
  latencyMs: Type.Object({ p50: Type.Number(), p95: Type.Number(), max: Type.Number() }),
  plans: Type.Array(
    Type.Object({
      exit: Type.String(),
      partition: Type.Integer({ minimum: 0 }),
      direction: DirectionSchema,
      encoding: EncodingSchema,
      frames: Type.Integer({ minimum: 1 }),
    }),
  ),
};

const named = { schema: Type.Literal(1), boot: Boot, sequence: Type.Integer({ minimum: 0 }) };
/** Reports as the control plane keeps them. */
export const SamplesSchema = Type.Object({ ...named, ...samples });
export type Samples = Static<typeof SamplesSchema>;
export const SummarySchema = Type.Object({ ...named, ...summary });
export type Summary = Static<typeof SummarySchema>;
export const ResultsSchema = Type.Object({ ...named, ...frameColumns });

const sent = { sequence: SequenceSchema };
/** A report on its way; the message around it names device and boot. */
const ReportSchema = Type.Union([
  Type.Object({ kind: Type.Literal('samples'), ...sent, ...samples }),
  Type.Object({ kind: Type.Literal('summary'), ...sent, ...summary }),
  Type.Object({ kind: Type.Literal('results'), ...sent, ...frameColumns }),
]);
export type Report = Static<typeof ReportSchema>;
const reportParser = createParser(ReportSchema, 'message-invalid', 'report');

type Unnumbered<R> = R extends Report ? Omit<R, 'sequence'> : never;
/** A report before it has its number. */
export type NewReport = Unnumbered<Report>;

/** Most reports of one message, and most bytes of them all. */
export const maxReports = 200;
export const maxReportBytes = 32 << 10;

/** Reports of one boot; without `covers` a question, which is answered alike. */
const TelemetrySchema = Type.Object({
  schema: Type.Literal(1),
  boot: Boot,
  /**
   * Of these numbers the device has the reports that are here and no others. What is neither here nor stored is lost:
   * the disk of the device was full, or damaged. Nobody waits for it.
   */
  covers: Type.Optional(SequenceRangeSchema),
  reports: Type.Array(Type.Unknown(), { maxItems: maxReports }),
});

/** A telemetry message as it was understood. */
export interface Telemetry extends Omit<Static<typeof TelemetrySchema>, 'reports'> {
  reports: Report[];
  /** Reports that fit no schema, or the range that they came under. To send them again would mend nothing. */
  refused: number;
}

const envelopeParser = createParser(TelemetrySchema, 'message-invalid', 'telemetry');

/** @throws {FleetError} `message-invalid`; a report that is none is counted, so that it does not hold up the others */
export function parseTelemetry(payload: string | Uint8Array): Telemetry {
  const { reports: inputs, ...envelope } = envelopeParser.parseJson(payload);
  const { first = 1, last = 0 } = envelope.covers ?? {};
  const reports = inputs.flatMap((input) => {
    const report = understood(input);
    return report !== undefined && report.sequence >= first && report.sequence <= last ? [report] : [];
  });
  return { ...envelope, reports, refused: inputs.length - reports.length };
}

function understood(input: unknown): Report | undefined {
  try {
    const report = reportParser.parse(input);
    if (report.kind === 'results') fromColumns(report);
    return report;
  } catch (error) {
    if (isFleetError(error, 'message-invalid')) return undefined;
    throw error;
  }
}

/** What the control plane holds of a device: of each boot that it was asked for or sent something of. */
const TelemetryAcknowledgementSchema = Type.Object({
  schema: Type.Literal(1),
  boots: Type.Array(
    Type.Object({
      boot: Boot,
      /** Reports that are stored for good, or known to be lost. */
      held: SequenceRangesSchema,
    }),
    { maxItems: 64 },
  ),
});
export type TelemetryAcknowledgement = Static<typeof TelemetryAcknowledgementSchema>;
export const telemetryAcknowledgementParser = createParser(
  TelemetryAcknowledgementSchema,
  'message-invalid',
  'telemetry acknowledgement',
);
