import type { MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import type { Plan } from '../shared/planner/plan.ts';
import { type ChunkLimits, chunksOf, defaultChunkLimits } from '../shared/protocol/chunking.ts';
import { createReassembler, requestKey } from '../shared/protocol/reassembly.ts';
import { openChunk, type ReplyStatus } from '../shared/protocol/tensor-frame.ts';
import { offloadTopic, replyTopic } from '../shared/protocol/topics.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Arrived, RoundTrip } from './round-trip.ts';

/** What came of a request; expected outcomes are values. */
export type OffloadOutcome =
  | ({ kind: 'reply'; status: ReplyStatus; tensors: Tensor[] } & RoundTrip)
  | { kind: 'timeout' }
  | { kind: 'disconnected' };

export interface OffloadRequest {
  kind: 'request' | 'probe';
  worker: string;
  /** First 8 bytes of the model's digest, hexadecimal. */
  model: string;
  plan: Plan;
  tensors: readonly Tensor[];
  timeLeftMs: number;
  /** When to give up waiting, on the clock. */
  giveUpAtMs: number;
  limits?: ChunkLimits;
}

export interface Sent {
  encodeMs: number;
  /** Bytes of all messages of the request, MQTT topic and header included. */
  bytes: number;
  outcome: Promise<OffloadOutcome>;
  /** @returns what of the reply has come by now, undefined while that is nothing */
  arrived(): Arrived | undefined;
  /** Nobody waits any longer: the reply, if it comes, is a late one. */
  giveUp(): void;
}

export interface OffloadClient {
  send(request: OffloadRequest): Sent;
  /** Listens to this worker's replies; one worker at a time. */
  useWorker(worker: string | undefined): void;
  /** Told of replies that came after their frame was given up. */
  onLateReply(listener: (late: RoundTrip, plan: Plan) => void): void;
  close(): void;
}

export interface OffloadOptions {
  device: string;
  boot: number;
  connection: MqttConnection;
  clock: Clock;
  log: Log;
  /** How long a given-up request is remembered, so that its late reply still tells the bandwidth, ms. */
  rememberMs?: number;
}

interface Pending {
  plan: Plan;
  sentAtMs: number;
  bytes: number;
  arrived: Arrived | undefined;
  /** Undefined once the request was given up. */
  settle: ((outcome: OffloadOutcome) => void) | undefined;
  cancelTimer: () => void;
}

export const defaultRememberMs = 5000;

const mqttHeaderBytes = 4;

/** Sends cuts to a worker and pairs the replies with them. */
export function createOffloadClient(options: OffloadOptions): OffloadClient {
  const { clock, connection, log, rememberMs = defaultRememberMs } = options;
  const pending = new Map<string, Pending>();
  const lateListeners: ((late: RoundTrip, plan: Plan) => void)[] = [];
  const reassembler = createReassembler({ maxBytesPerSender: 32 << 20, maxAgeMs: rememberMs });
  let sequence = 0;
  let listeningTo: string | undefined;

  connection.onDisconnect(dropAll);

  /** A reply that comes after a reconnect would tell how long the link was gone, not how fast it is. */
  function dropAll(): void {
    for (const request of pending.values()) finish(request, { kind: 'disconnected' });
    pending.clear();
    reassembler.expire(Number.POSITIVE_INFINITY);
  }

  function onMessage(topic: string, payload: Buffer): void {
    const nowMs = clock.nowMs();
    try {
      const chunk = openChunk(payload);
      const key = requestKey(chunk.header);
      const request = pending.get(key);
      if (request === undefined) return;
      const arrived = withMessage(request.arrived, topic.length + mqttHeaderBytes + payload.length, nowMs);
      request.arrived = arrived;
      const assembled = reassembler.accept('worker', chunk, nowMs);
      if (assembled === undefined) return;
      pending.delete(key);
      const { header, tensors } = assembled;
      const roundTrip = { bytes: request.bytes, elapsedMs: nowMs - request.sentAtMs, report: header, arrived };
      if (request.settle === undefined) {
        for (const listener of lateListeners) listener(roundTrip, request.plan);
      }
      finish(request, { kind: 'reply', status: header.status, tensors, ...roundTrip });
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'reply dropped');
    }
  }

  function giveUp(key: string, request: Pending): void {
    if (request.settle === undefined) return;
    finish(request, { kind: 'timeout' });
    clock.after(rememberMs, () => {
      pending.delete(key);
      reassembler.expire(clock.nowMs());
    });
  }

  return {
    send(request) {
      sequence += 1;
      const sentAtMs = clock.nowMs();
      const { encodeMs, bytes, taken } = sendChunks(options, request, sequence);
      const key = requestKey({ boot: options.boot, sequence });
      const entry: Pending = {
        plan: request.plan,
        sentAtMs,
        bytes,
        arrived: undefined,
        settle: undefined,
        cancelTimer: clock.after(Math.max(0, request.giveUpAtMs - sentAtMs), () => giveUp(key, entry)),
      };
      const outcome = new Promise<OffloadOutcome>((resolve) => {
        entry.settle = resolve;
      });
      if (taken) pending.set(key, entry);
      else finish(entry, { kind: 'disconnected' });
      return { encodeMs, bytes, outcome, arrived: () => entry.arrived, giveUp: () => giveUp(key, entry) };
    },
    useWorker(worker) {
      if (worker === listeningTo) return;
      if (listeningTo !== undefined) connection.unsubscribe(replyTopic(options.device, listeningTo));
      listeningTo = worker;
      if (worker !== undefined) connection.subscribe(replyTopic(options.device, worker), onMessage);
    },
    onLateReply: (listener) => void lateListeners.push(listener),
    close: dropAll,
  };
}

function withMessage(before: Arrived | undefined, bytes: number, nowMs: number): Arrived {
  if (before === undefined) return { bytes, bytesAfterFirst: 0, firstAtMs: nowMs, lastAtMs: nowMs };
  const bytesAfterFirst = before.bytesAfterFirst + bytes;
  return { bytes: before.bytes + bytes, bytesAfterFirst, firstAtMs: before.firstAtMs, lastAtMs: nowMs };
}

function finish(request: Pending, outcome: OffloadOutcome): void {
  request.cancelTimer();
  const { settle } = request;
  request.settle = undefined;
  settle?.(outcome);
}

/**
 * Hands the messages of a request to the socket, each as soon as it is encoded.
 * @returns bytes with topic and header, the time spent on encoding, and whether the connection took all of them
 */
function sendChunks(
  { boot, device, connection, clock }: OffloadOptions,
  request: OffloadRequest,
  sequence: number,
): { bytes: number; encodeMs: number; taken: boolean } {
  const { kind, model, plan, worker } = request;
  const timeLeftUs = Math.max(0, Math.min(0xffffffff, Math.round(request.timeLeftMs * 1000)));
  const envelope = { kind, boot, sequence, model, ...plan, timeLeftUs, status: 'ok' } as const;
  const topic = offloadTopic(device, worker);
  let bytes = 0;
  let encodeMs = 0;
  let startMs = clock.nowMs();
  for (const message of chunksOf(envelope, request.tensors, request.limits ?? defaultChunkLimits)) {
    encodeMs += clock.nowMs() - startMs;
    bytes += message[0].length + message[1].length + topic.length + mqttHeaderBytes;
    if (!connection.publish(topic, message)) return { bytes, encodeMs, taken: false };
    startMs = clock.nowMs();
  }
  return { bytes, encodeMs, taken: true };
}
