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
import type { ServedModels, Tail } from './served-models.ts';
import type { TailSessions } from './tail-sessions.ts';

export interface ServiceOptions {
  models: ServedModels;
  sessions: Pick<TailSessions, 'costMs' | 'run' | 'prepare'>;
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
    else if (header.kind === 'probe') answerProbe(options, arrival, found.kind === 'tail' ? found.tail : undefined);
    else if (found.kind === 'tail') admit(options, arrival, found.tail);
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

function answerProbe({ sessions, answers }: ServiceOptions, arrival: Arrival, tail: Tail | undefined): void {
  if (tail === undefined) {
    answers.confirm(arrival);
    return;
  }
  void sessions.prepare(tail).then((ready) => {
    if (ready) answers.confirm(arrival);
    else answers.decline(arrival, 'unavailable');
  });
}

function admit(options: ServiceOptions, arrival: Arrival, tail: Tail): void {
  const { firstArrivalMs, header } = arrival.message;
  const deadlineMs = firstArrivalMs + header.timeLeftUs / 1000;
  const verdict = options.dispatcher.offer({
    deadlineMs,
    costMs: (thread) => options.sessions.costMs(tail, thread),
    run: (thread) => compute(options, arrival, { tail, thread }),
    expire: () => expire(options, arrival, { tail, deadlineMs }),
  });
  if (verdict === 'overloaded') options.answers.decline(arrival, 'overloaded');
  else if (verdict === 'expired') expire(options, arrival, { tail, deadlineMs });
}

function expire(
  { sessions, answers, clock }: ServiceOptions,
  arrival: Arrival,
  { tail, deadlineMs }: { tail: Tail; deadlineMs: number },
): void {
  const nowMs = clock.nowMs();
  if (nowMs + tail.duration.ms < deadlineMs) {
    // Only loading would have taken too long: the next request is to find the tail loaded.
    void sessions.prepare(tail);
    answers.decline(arrival, 'unavailable');
    return;
  }
  if (nowMs < deadlineMs) tail.duration.refused();
  answers.decline(arrival, 'expired');
}

async function compute(
  { sessions, answers, onQueueWait, log }: ServiceOptions,
  arrival: Arrival,
  { tail, thread }: { tail: Tail; thread: number },
): Promise<void> {
  try {
    const { output, computeMs } = await sessions.run(tail, arrival.message.tensors, thread);
    onQueueWait(answers.deliver(arrival, output, computeMs).queueUs / 1000);
  } catch (error) {
    log.error({ device: arrival.device, tail: tail.key, reason: messageOf(error) }, 'request failed');
    answers.decline(arrival, isFleetError(error, 'tensor-unsupported') ? 'invalid' : 'unavailable');
  }
}
