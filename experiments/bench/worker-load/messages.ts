import { type Static, Type } from 'typebox';
import type { Identity } from '../../../shared/protocol/topic-rules.ts';
import { createParser } from '../../../shared/runtime/schema.ts';

/** What a bare loop runs. */
export interface BareLoopRequest {
  /** ONNX file of the segment. */
  file: string;
  input: string;
  dims: readonly number[];
  warmUpMs: number;
  durationMs: number;
}

/** What devices are made of, once. */
export interface DevicesStart {
  kind: 'start';
  brokerUrl: string;
  devices: readonly (Pick<Identity, 'id'> & { token: string })[];
  /** Those that they will send to. */
  workers: readonly string[];
  /** As frames carry it. */
  model: string;
  exit: number;
  dims: readonly number[];
}

/** Every device keeps one request at a worker, the next one as soon as the last is answered. */
export interface DevicesMeasure {
  kind: 'measure';
  worker: string;
  warmUpMs: number;
  durationMs: number;
}

const MeasuredSchema = Type.Object({
  /** Frames a second that were run. */
  rate: Type.Number({ minimum: 0 }),
  /** Requests that were answered by other than a result, or not at all. */
  refused: Type.Integer({ minimum: 0 }),
});
export type Measured = Static<typeof MeasuredSchema>;

export const measuredParser = createParser(MeasuredSchema, 'process-failed', 'answer of a measuring process');
