import { type Static, Type } from 'typebox';
import { createParser } from '../../../shared/runtime/schema.ts';
import type { SendingPlan } from './sending-plans.ts';

const SegmentSchema = Type.Object({
  exit: Type.Integer({ minimum: 1 }),
  from: Type.Integer({ minimum: 0 }),
  to: Type.Integer({ minimum: 1 }),
});
const SegmentOrNone = Type.Union([Type.Null(), SegmentSchema]);

/** A reply of the bare server begins with two times, 16 bytes. */
export const leastReplyBytes = 16;

/**
 * One frame as the bound has it: a segment on the device, so many bytes over one TCP connection, a segment on the worker,
 * so many bytes back, a segment on the device. Null: nothing is run there.
 */
const ExchangeSchema = Type.Object({
  before: SegmentOrNone,
  upBytes: Type.Integer({ minimum: 1 }),
  worker: SegmentOrNone,
  downBytes: Type.Integer({ minimum: leastReplyBytes }),
  after: SegmentOrNone,
});
export type Exchange = Static<typeof ExchangeSchema>;
export const exchangeParser = createParser(ExchangeSchema, 'message-invalid', 'exchange');

/** What such a frame took, ms: the runtime's own times, and what passed between sending and reply besides the worker's. */
const ExchangeTimesSchema = Type.Object({
  beforeMs: Type.Number({ minimum: 0 }),
  wireMs: Type.Number({ minimum: 0 }),
  workerMs: Type.Number({ minimum: 0 }),
  afterMs: Type.Number({ minimum: 0 }),
});
export type ExchangeTimes = Static<typeof ExchangeTimesSchema>;
export const exchangeTimesParser = createParser(ExchangeTimesSchema, 'message-invalid', 'times of an exchange');

/** @returns what a plan's frame is where nothing but inference and its payload counts */
export function exchangeOf({ before, upBytes, worker, downBytes, after }: SendingPlan): Exchange {
  return { before, upBytes, worker, downBytes, after };
}

/** @returns the bound: what no platform can take less than */
export function boundMs({ beforeMs, wireMs, workerMs, afterMs }: ExchangeTimes): number {
  return beforeMs + wireMs + workerMs + afterMs;
}
