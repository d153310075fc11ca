import type { MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import type { UnderWay } from '../shared/adapters/under-way.ts';
import type { ChunkMessage } from '../shared/protocol/chunking.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import {
  beginJob,
  claimTurn,
  countMessage,
  isWhole,
  type Job,
  type Sending,
  type Shipment,
  sendingOf,
} from './shipment.ts';

/**
 * Sends by credit: a message is handed to the socket only while little of what went before is under way to the broker,
 * so that a slow link never holds more of a request that is late already than its lead or one message, and one message.
 * INVARIANTS: the messages of a shipment keep their order; an urgent shipment waits for none that is not; whoever waits
 * has asked for the sign that ends the waiting.
 */
export interface Sender {
  send(shipment: Shipment): Sending;
  /** Nothing that waits is sent any more. */
  cancelAll(): void;
}

export function createSender(
  { underWay, publish }: Pick<MqttConnection, 'underWay' | 'publish'>,
  clock: Clock,
): Sender {
  const jobs: Job[] = [];
  const signs = createSigns(underWay);
  let isPumping = false;

  function pump(): void {
    // A sign may come from within, as soon as it is asked for.
    if (isPumping) return;
    isPumping = true;
    for (let job = jobs[0]; job !== undefined && claimTurn(job, underWay.bytes()); job = jobs[0]) sendNext(job);
    isPumping = false;
    if (jobs.length > 0) signs.ask();
  }

  function sendNext(job: Job): void {
    try {
      const startMs = clock.nowMs();
      job.iterator ??= job.messages();
      const { value: message } = job.iterator.next();
      job.encodeMs += clock.nowMs() - startMs;
      if (message === undefined || !hand(job, message)) fail(job);
    } catch (error) {
      fail(job, error);
    }
  }

  function hand(job: Job, message: ChunkMessage): boolean {
    const before = underWay.published();
    const asks = signs.areDue(message[0].length + message[1].length, job.leadBytes);
    if (!publish(job.topic, message, asks)) return false;
    const place = underWay.published();
    if (asks) signs.asked(place);
    countMessage(job, place - before, place);
    if (isWhole(job)) stop(job);
    return true;
  }

  function stop(job: Job): void {
    if (job.stoppedAtMs !== undefined) return;
    job.stoppedAtMs = clock.nowMs();
    if (jobs[0] === job) jobs.shift();
    else jobs.splice(jobs.indexOf(job), 1);
  }

  function fail(job: Job, error?: unknown): void {
    stop(job);
    job.onFailed(error);
  }

  /** What is under way then is asked for, so that it is known what lies before the next shipment. */
  function cancel(job: Job): void {
    stop(job);
    signs.ask();
  }

  underWay.onRead(pump);
  return {
    send(shipment) {
      const job = beginJob(shipment, clock.nowMs(), underWay.published() - underWay.bytes());
      enqueue(jobs, job);
      pump();
      return sendingOf(job, { underWay, clock, cancel });
    },
    cancelAll() {
      for (const job of [...jobs]) stop(job);
    },
  };
}

function enqueue(jobs: Job[], job: Job): void {
  const place = job.isUrgent ? jobs.findIndex(({ isUrgent }) => !isUrgent) : -1;
  if (place < 0) jobs.push(job);
  else jobs.splice(place, 0, job);
}

/** Signs are asked for so often in one lead that it is not used up before one comes. */
const signsALead = 4;

/** When the broker is asked whether it has read what was sent. */
function createSigns(underWay: UnderWay) {
  let askedPlace = 0;
  return {
    /** Whether to ask with the next message, of so many bytes. */
    areDue(bytes: number, leadBytes: number): boolean {
      const unasked = Math.min(underWay.published() - askedPlace, underWay.bytes());
      return (unasked + bytes) * signsALead >= leadBytes;
    },
    asked(place: number): void {
      askedPlace = place;
    },
    ask(): void {
      askedPlace = underWay.published();
      underWay.ask();
    },
  };
}
