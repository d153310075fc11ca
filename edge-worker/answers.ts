import type { Tensor } from '../shared/model/tensor.ts';
import { buildEmptyReply, type ChunkMessage, chunksOf, type Envelope } from '../shared/protocol/chunking.ts';
import type { Assembled } from '../shared/protocol/reassembly.ts';
import type { Encoding } from '../shared/protocol/tensor-encoding.ts';
import type { ChunkHeader, ReplyStatus, WorkerReport } from '../shared/protocol/tensor-frame.ts';
import { replyTopic } from '../shared/protocol/topics.ts';
import { isImageEncoding } from '../shared/protocol/wire-encoding.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Counters } from './counters.ts';

/** A request or probe that is whole, and whose it is. */
export interface Arrival {
  device: string;
  message: Assembled;
  /** What decoding its image took; absent: it came as floats. */
  decodeMs?: number;
}

export interface AnswersOptions {
  /** This worker's id. */
  worker: string;
  counters: Counters;
  /** @returns false where the message was not taken */
  publish(topic: string, message: ChunkMessage): boolean;
  clock: Clock;
}

/** Writes, sends and counts what a worker answers. */
export interface Answers {
  /** To a chunk, before its request is whole. */
  refuse(device: string, header: ChunkHeader, status: Exclude<ReplyStatus, 'ok'>): void;
  /** To a request that is not run. */
  decline(arrival: Arrival, status: Exclude<ReplyStatus, 'ok'>): void;
  /** To a probe whose segment is loaded. */
  confirm(arrival: Arrival): void;
  /**
   * @param outputs the exit's output or, edge-first, the tensors of the cut
   * @param computeMs what the runtime took: of a run of several requests, this one's equal share; decoding is added
   * @returns the report that went with the result
   */
  deliver(arrival: Arrival, outputs: readonly Tensor[], computeMs: number): WorkerReport;
}

export function createAnswers({ worker, counters, publish, clock }: AnswersOptions): Answers {
  function send(device: string, chunks: Iterable<ChunkMessage>): void {
    const topic = replyTopic(device, worker);
    for (const chunk of chunks) {
      if (!publish(topic, chunk)) counters.unsent += 1;
    }
  }

  return {
    refuse(device, header, status) {
      counters[status] += 1;
      send(device, [buildEmptyReply(envelopeOf(header, status))]);
    },
    decline({ device, message }, status) {
      counters[status] += 1;
      const report = reportOf(message, { nowMs: clock.nowMs(), computeMs: 0 });
      send(device, [buildEmptyReply(envelopeOf(message.header, status, report))]);
    },
    confirm({ device, message }) {
      counters.probes += 1;
      const report = reportOf(message, { nowMs: clock.nowMs(), computeMs: 0 });
      send(device, [buildEmptyReply(envelopeOf(message.header, 'ok', report))]);
    },
    deliver({ device, message, decodeMs = 0 }, outputs, computeMs) {
      counters.completed += 1;
      const report = reportOf(message, { nowMs: clock.nowMs(), computeMs: computeMs + decodeMs });
      const envelope = envelopeOf(message.header, 'ok', report);
      send(device, chunksOf({ ...envelope, encoding: resultEncoding(message.header) }, outputs));
      return report;
    },
  };
}

function envelopeOf(header: ChunkHeader, status: ReplyStatus, report?: WorkerReport): Envelope {
  const { boot, sequence, model, exit, partition, direction } = header;
  const kind = header.kind === 'probe' ? 'probe-reply' : 'reply';
  const plan = { boot, sequence, model, exit, partition, direction };
  const envelope: Envelope = { kind, ...plan, timeLeftUs: 0, status, encoding: 'f32' };
  return report === undefined ? envelope : { ...envelope, report };
}

/** An exit's output is too small to be worth losing digits; a cut comes back as the input came, which was no image. */
function resultEncoding({ direction, encoding }: ChunkHeader): Encoding {
  return direction === 'edge-first' && !isImageEncoding(encoding) ? encoding : 'f32';
}

/**
 * Computing, with the decoding of an image, is what a request costs the worker, which its device compares with the profile: in a run of several an equal
 * share. All else is waiting, for the others of its run too: together they are the time that the device waited.
 */
function reportOf(message: Assembled, { nowMs, computeMs }: { nowMs: number; computeMs: number }): WorkerReport {
  const totalMs = nowMs - message.lastArrivalMs;
  return {
    spreadUs: toMicroseconds(message.lastArrivalMs - message.firstArrivalMs),
    spreadBytes: Math.min(message.bytesAfterFirst, largestField),
    queueUs: toMicroseconds(totalMs - computeMs),
    computeUs: toMicroseconds(computeMs),
    totalUs: toMicroseconds(totalMs),
  };
}

/** Report fields have 32 bits. */
const largestField = 0xffff_ffff;

function toMicroseconds(ms: number): number {
  return Math.min(Math.max(0, Math.round(ms * 1000)), largestField);
}
