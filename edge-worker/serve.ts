import type { Reassembler } from '../shared/protocol/reassembly.ts';
import { type Chunk, openChunk } from '../shared/protocol/tensor-frame.ts';
import { parseTopic } from '../shared/protocol/topics.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Answers, Arrival } from './answers.ts';
import type { Counters } from './counters.ts';
import type { ImageInputs } from './image-inputs.ts';
import { inspectChunk } from './inspect-chunk.ts';
import type { Requests } from './requests.ts';
import type { SegmentSessions } from './segment-sessions.ts';
import type { Segment, ServedModels } from './served-models.ts';

export interface ServiceOptions {
  models: ServedModels;
  sessions: Pick<SegmentSessions, 'prepare'>;
  requests: Requests;
  /** Takes requests whose input is an image. */
  images: Pick<ImageInputs, 'take'>;
  reassembler: Reassembler;
  answers: Answers;
  counters: Counters;
  clock: Clock;
  log: Log;
}

/** Answers what devices send. INVARIANT: every whole request gets exactly one answer. */
export interface Service {
  /** Takes one message of a device. Never throws. */
  onMessage(topic: string, payload: Uint8Array): void;
  /** Drops what did not become whole in time. */
  expireUnfinished(): void;
  /** From now on every request is answered `unavailable`. */
  refuseNew(): void;
}

export function createService(options: ServiceOptions): Service {
  const { models, requests, images, reassembler, answers, counters, clock, log } = options;
  let refusing = false;

  function acceptChunk(device: string, chunk: Chunk, nowMs: number): void {
    const { header } = chunk;
    const found = inspectChunk(header, models);
    if (found.kind === 'refused') {
      // One answer a refused tensor: its other chunks are dropped as they come.
      if (header.chunkIndex !== 0) return;
      log.debug({ device, status: found.status, reason: found.reason }, 'request refused');
      answers.refuse(device, header, found.status);
      return;
    }
    const message = reassembler.accept(device, chunk, nowMs);
    if (message === undefined) return;
    const arrival = { device, message };
    if (refusing) answers.decline(arrival, 'unavailable');
    else if (header.kind === 'probe')
      answerProbe(options, arrival, found.kind === 'segment' ? found.segment : undefined);
    else if (found.kind === 'segment') takeRequest(arrival, found.segment);
  }

  function takeRequest(arrival: Arrival, segment: Segment): void {
    if (arrival.message.image === undefined) requests.take(arrival, segment);
    else images.take(arrival, segment);
  }

  return {
    onMessage(name, payload) {
      const nowMs = clock.nowMs();
      const topic = parseTopic(name);
      if (topic?.kind !== 'device' || topic.channel !== 'offload') return;
      try {
        const chunk = openChunk(payload);
        if (chunk.header.kind === 'request' || chunk.header.kind === 'probe') acceptChunk(topic.id, chunk, nowMs);
        else counters.malformed += 1;
      } catch (error) {
        counters.malformed += 1;
        log.debug({ device: topic.id, reason: messageOf(error) }, 'frame dropped');
      }
    },
    expireUnfinished() {
      counters.unfinished += reassembler.expire(clock.nowMs());
    },
    refuseNew() {
      refusing = true;
    },
  };
}

function answerProbe({ sessions, answers }: ServiceOptions, arrival: Arrival, segment: Segment | undefined): void {
  if (segment === undefined) {
    answers.confirm(arrival);
    return;
  }
  void sessions.prepare(segment).then((ready) => {
    if (ready) answers.confirm(arrival);
    else answers.decline(arrival, 'unavailable');
  });
}
