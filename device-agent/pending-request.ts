import type { Tensor } from '../shared/model/tensor.ts';
import type { Plan } from '../shared/planner/plan.ts';
import type { ReplyStatus, WorkerReport } from '../shared/protocol/tensor-frame.ts';
import type { Arrived, RoundTrip } from './round-trip.ts';
import type { Sending } from './shipment.ts';

/** What came of a request; expected outcomes are values. */
export type OffloadOutcome =
  | ({ kind: 'reply'; status: ReplyStatus; tensors: Tensor[] } & RoundTrip)
  | { kind: 'timeout' }
  | { kind: 'disconnected' };

/** A request that is waited for, or whose late reply is. */
export interface Pending {
  kind: 'request' | 'probe';
  plan: Plan;
  sentAtMs: number;
  /** Undefined until it is known whether the connection takes any of it. */
  sending: Sending | undefined;
  arrived: Arrived | undefined;
  /** Undefined once the request was given up. */
  settle: ((outcome: OffloadOutcome) => void) | undefined;
  cancelTimer: () => void;
}

const mqttHeaderBytes = 4;

export function beginPending(
  { kind, plan }: Pick<Pending, 'kind' | 'plan'>,
  sentAtMs: number,
): { entry: Pending; outcome: Promise<OffloadOutcome> } {
  const entry: Pending = {
    kind,
    plan,
    sentAtMs,
    sending: undefined,
    arrived: undefined,
    settle: undefined,
    cancelTimer: () => undefined,
  };
  const outcome = new Promise<OffloadOutcome>((resolve) => {
    entry.settle = resolve;
  });
  return { entry, outcome };
}

/** Takes note of a message of its reply. @returns what has come by now */
export function countMessage(request: Pending, topic: string, payload: Uint8Array, nowMs: number): Arrived {
  const bytes = topic.length + mqttHeaderBytes + payload.length;
  const before = request.arrived ?? { bytes: 0, bytesAfterFirst: 0, firstAtMs: nowMs };
  const bytesAfterFirst = request.arrived === undefined ? 0 : before.bytesAfterFirst + bytes;
  request.arrived = { bytes: before.bytes + bytes, bytesAfterFirst, firstAtMs: before.firstAtMs, lastAtMs: nowMs };
  return request.arrived;
}

/** What of it was not sent yet is not sent any more. */
export function finish(request: Pending, outcome: OffloadOutcome): void {
  request.cancelTimer();
  request.sending?.cancel();
  const { settle } = request;
  request.settle = undefined;
  settle?.(outcome);
}

export function roundTripOf(
  { sending, sentAtMs }: Pending,
  arrived: Arrived,
  { nowMs, report }: { nowMs: number; report: WorkerReport },
): RoundTrip {
  const bytes = sending?.bytes() ?? 0;
  const othersBytes = (sending?.reached().bytes ?? 0) - bytes;
  return { bytes, elapsedMs: nowMs - sentAtMs, report, arrived, othersBytes, keptBytes: sending?.keptBytes() };
}
