import type { TransferCircumstances } from '../shared/planner/bandwidth-estimate.ts';
import type { WorkerReport } from '../shared/protocol/tensor-frame.ts';

/** What of a reply has come in. Bytes are those of its messages, MQTT topic and header included; times on the clock. */
export interface Arrived {
  bytes: number;
  /** Of `bytes`, those of all messages but the first. */
  bytesAfterFirst: number;
  firstAtMs: number;
  lastAtMs: number;
}

/** A request and its whole reply, as the device saw them. */
export interface RoundTrip extends TransferCircumstances {
  /** Of the request's messages, MQTT topic and header included. */
  bytes: number;
  /** From handing the first message to the socket to the arrival of the reply's last. */
  elapsedMs: number;
  report: WorkerReport;
  arrived: Arrived;
}

/**
 * What a reply took on its way down beyond half an rtt: its messages came in one after the other, and the first took as
 * long for each byte as the others.
 * @returns 0 for a reply of one message, which has no spread
 */
export function downloadMs({ bytes, bytesAfterFirst, firstAtMs, lastAtMs }: Arrived): number {
  return bytesAfterFirst === 0 ? 0 : ((lastAtMs - firstAtMs) * bytes) / bytesAfterFirst;
}

/** @returns what the request took on its way up, with one rtt */
export function uploadMs({ elapsedMs, report, arrived }: RoundTrip): number {
  return elapsedMs - report.totalUs / 1000 - downloadMs(arrived);
}
