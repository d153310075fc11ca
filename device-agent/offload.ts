import type { MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import type { Plan } from '../shared/planner/plan.ts';
import {
  type ChunkLimits,
  chunksOf,
  defaultChunkLimits,
  type Envelope,
  type ImageFile,
  imageChunksOf,
  imageMessageCount,
  messageCount,
} from '../shared/protocol/chunking.ts';
import { createReassembler, requestKey } from '../shared/protocol/reassembly.ts';
import { openChunk, type ReplyStatus } from '../shared/protocol/tensor-frame.ts';
import { offloadTopic, replyTopic } from '../shared/protocol/topics.ts';
import { isImageEncoding } from '../shared/protocol/wire-encoding.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import {
  beginPending,
  countMessage,
  finish,
  type OffloadOutcome,
  type Pending,
  roundTripOf,
} from './pending-request.ts';
import type { Arrived, RoundTrip } from './round-trip.ts';
import { createSender, type Sender } from './sender.ts';
import type { Sending } from './shipment.ts';

export interface OffloadRequest {
  kind: 'request' | 'probe';
  worker: string;
  /** First 8 bytes of the model's digest, hexadecimal. */
  model: string;
  plan: Plan;
  /** In the plan's encoding; a probe's in f32 where that is an image's. */
  tensors: readonly Tensor[];
  /** Sent in place of the tensors. */
  image?: ImageFile;
  timeLeftMs: number;
  /** When to give up waiting, on the clock. */
  giveUpAtMs: number;
  limits?: ChunkLimits;
  /** While more than this is under way to the broker, what follows of the request waits, bytes. */
  leadBytes: number;
}

/** A request that is being sent or waited for. */
export interface Sent extends Pick<Sending, 'bytes' | 'encodeMs' | 'reached' | 'remainingMs'> {
  outcome: Promise<OffloadOutcome>;
  /** @returns what of the reply has come by now, undefined while that is nothing */
  arrived(): Arrived | undefined;
  /** Nobody waits any longer: what was not sent yet is not sent, and the reply, if it comes, is a late one. */
  giveUp(): void;
}

/** A request that nobody waited for any longer when its answer came. */
export interface GivenUp extends Pick<OffloadRequest, 'kind' | 'plan'> {
  status: ReplyStatus;
}

export interface OffloadClient {
  send(request: OffloadRequest): Sent;
  /** Listens to this worker's replies; one worker at a time. */
  useWorker(worker: string | undefined): void;
  /** Told of replies that came after their request was given up. */
  onLateReply(listener: (late: RoundTrip, of: GivenUp) => void): void;
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

export const defaultRememberMs = 5000;

/** Sends cuts to a worker and pairs the replies with them. */
export function createOffloadClient(options: OffloadOptions): OffloadClient {
  const { clock, connection, log, rememberMs = defaultRememberMs } = options;
  const shipping = { ...options, sender: createSender(connection, clock) };
  const pending = new Map<string, Pending>();
  const lateListeners: ((late: RoundTrip, of: GivenUp) => void)[] = [];
  const reassembler = createReassembler({ maxBytesPerSender: 32 << 20, maxAgeMs: rememberMs });
  let sequence = 0;
  let listeningTo: string | undefined;

  connection.onDisconnect(dropAll);

  /** A reply that comes after a reconnect would tell how long the link was gone, not how fast it is. */
  function dropAll(): void {
    shipping.sender.cancelAll();
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
      const arrived = countMessage(request, topic, payload, nowMs);
      const assembled = reassembler.accept('worker', chunk, nowMs);
      if (assembled === undefined) return;
      pending.delete(key);
      const { header, tensors } = assembled;
      // A refusal may answer the first message alone.
      if (header.status === 'ok') request.sending?.wasAnswered();
      const roundTrip = roundTripOf(request, arrived, { nowMs, report: header });
      const late = { kind: request.kind, plan: request.plan, status: header.status };
      if (request.settle === undefined) for (const listener of lateListeners) listener(roundTrip, late);
      finish(request, { kind: 'reply', status: header.status, tensors, ...roundTrip });
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'reply dropped');
    }
  }

  function giveUp(key: string, request: Pending): void {
    if (request.settle === undefined) return;
    finish(request, { kind: 'timeout' });
    if (request.sending?.isWhole() !== true) {
      pending.delete(key);
      return;
    }
    clock.after(rememberMs, () => {
      pending.delete(key);
      reassembler.expire(clock.nowMs());
    });
  }

  return {
    send(request) {
      sequence += 1;
      const key = requestKey({ boot: options.boot, sequence });
      const { entry, outcome } = beginPending(request, clock.nowMs());
      entry.cancelTimer = clock.after(Math.max(0, request.giveUpAtMs - entry.sentAtMs), () => giveUp(key, entry));
      pending.set(key, entry);
      const sending = ship(shipping, request, sequence, (error) => {
        pending.delete(key);
        if (error !== undefined) log.error({ reason: messageOf(error) }, 'request could not be sent');
        finish(entry, { kind: 'disconnected' });
      });
      entry.sending = sending;
      return sentOf(sending, entry, { outcome, giveUp: () => giveUp(key, entry) });
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

function sentOf(
  { bytes, encodeMs, reached, remainingMs }: Sending,
  entry: Pending,
  { outcome, giveUp }: Pick<Sent, 'outcome' | 'giveUp'>,
): Sent {
  return { bytes, encodeMs, reached, remainingMs, outcome, arrived: () => entry.arrived, giveUp };
}

/** Has the messages of a request sent, each encoded when its turn comes, all with the time that is left at the first. */
function ship(
  { boot, device, clock, sender }: OffloadOptions & { sender: Sender },
  request: OffloadRequest,
  sequence: number,
  onFailed: (error?: unknown) => void,
): Sending {
  const { kind, model, plan, worker, tensors, image, leadBytes, limits = defaultChunkLimits } = request;
  const encoding = isImageEncoding(plan.encoding) ? 'f32' : plan.encoding;
  const endMs = clock.nowMs() + request.timeLeftMs;
  return sender.send({
    topic: offloadTopic(device, worker),
    count: image === undefined ? messageCount(tensors, encoding, limits) : imageMessageCount(image, limits),
    messages() {
      const timeLeftUs = Math.max(0, Math.min(0xffffffff, Math.round((endMs - clock.nowMs()) * 1000)));
      const envelope: Envelope = { kind, boot, sequence, model, ...plan, encoding, timeLeftUs, status: 'ok' };
      return image === undefined ? chunksOf(envelope, tensors, limits) : imageChunksOf(envelope, image, limits);
    },
    leadBytes,
    isUrgent: kind === 'request',
    onFailed,
  });
}
