import type { Reassembler } from '../shared/protocol/reassembly.ts';
import { type Chunk, openChunk } from '../shared/protocol/tensor-frame.ts';
import { parseTopic } from '../shared/protocol/topics.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { isFleetError, messageOf } from '../shared/runtime/errors.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { Answers, Arrival } from './answers.ts';
import type { Counters } from './counters.ts';
import type { Dispatcher } from './dispatcher.ts';
import { inspectChunk } from './inspect-chunk.ts';
import { holdsNaN } from './inspect-tensors.ts';
import type { SegmentSessions } from './segment-sessions.ts';
import type { Segment, ServedModels } from './served-models.ts';

export interface ServiceOptions {
  models: ServedModels;
  sessions: Pick<SegmentSessions, 'costMs' | 'run' | 'prepare'>;
  dispatcher: Pick<Dispatcher, 'offer'>;
  reassembler: Reassembler;
  answers: Answers;
  counters: Counters;
  /** Told how long each request that was run waited, ms. */
  onQueueWait(waitMs: number): void;
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
  const { models, reassembler, answers, counters, clock, log } = options;
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
    else if (found.kind === 'segment') admit(options, arrival, found.segment);
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

function admit(options: ServiceOptions, arrival: Arrival, segment: Segment): void {
  const { firstArrivalMs, header, tensors } = arrival.message;
  if (holdsNaN(tensors)) {
    options.log.debug({ device: arrival.device, status: 'invalid', reason: 'a tensor holds NaN' }, 'request refused');
    options.answers.decline(arrival, 'invalid');
    return;
  }
  const deadlineMs = firstArrivalMs + header.timeLeftUs / 1000;
  const verdict = options.dispatcher.offer({
    deadlineMs,
    costMs: (thread) => options.sessions.costMs(segment, thread),
    run: (thread) => compute(options, arrival, { segment, thread }),
    expire: () => expire(options, arrival, { segment, deadlineMs }),
  });
  if (verdict === 'overloaded') options.answers.decline(arrival, 'overloaded');
  else if (verdict === 'expired') expire(options, arrival, { segment, deadlineMs });
}

function expire(
  { sessions, answers, clock }: ServiceOptions,
  arrival: Arrival,
  { segment, deadlineMs }: { segment: Segment; deadlineMs: number },
): void {
  const nowMs = clock.nowMs();
  if (nowMs + segment.duration.ms < deadlineMs) {
    // Only loading would have taken too long: the next request is to find the segment loaded.
    void sessions.prepare(segment);
    answers.decline(arrival, 'unavailable');
    return;
  }
  if (nowMs < deadlineMs) segment.duration.refused();
  answers.decline(arrival, 'expired');
}

async function compute(
  { sessions, answers, onQueueWait, log }: ServiceOptions,
  arrival: Arrival,
  { segment, thread }: { segment: Segment; thread: number },
): Promise<void> {
  try {
    const { outputs, computeMs } = await sessions.run(segment, arrival.message.tensors, thread);
    onQueueWait(answers.deliver(arrival, outputs, computeMs).queueUs / 1000);
  } catch (error) {
    log.error({ device: arrival.device, segment: segment.key, reason: messageOf(error) }, 'request failed');
    answers.decline(arrival, isFleetError(error, 'tensor-unsupported') ? 'invalid' : 'unavailable');
  }
}
