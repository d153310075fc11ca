import type { UnderWay } from '../shared/adapters/under-way.ts';
import type { ChunkMessage } from '../shared/protocol/chunking.ts';
import type { Clock } from '../shared/runtime/clock.ts';

/** Messages to one topic that go one after the other. */
export interface Shipment {
  topic: string;
  /** How many messages there are. */
  count: number;
  /** Called when the first may go; each is made when its turn comes. */
  messages: () => Iterator<ChunkMessage>;
  /** While more than this is under way the next message waits, bytes. */
  leadBytes: number;
  /** Goes before all that is not. */
  isUrgent: boolean;
  /** The connection takes no more of it, or (with an error) a message could not be made. */
  onFailed: (error?: unknown) => void;
}

/** What has become of a shipment so far. */
export interface Sending {
  /** Of the messages handed to the socket, topic and header included. */
  bytes(): number;
  encodeMs(): number;
  /** Whether all messages were handed over. */
  isWhole(): boolean;
  /** @returns what was on the wire at least whenever a message of it waited, bytes; infinite where none did */
  keptBytes(): number;
  /** What can have reached the broker at most, of others too, and in which time. */
  reached(): { bytes: number; elapsedMs: number };
  /**
   * @returns until the rest has reached the broker, at the best pace that there can have been so far, ms: the broker tells
   *   of whole messages, and the next one may arrive now; 0 where nothing is left to send
   */
  remainingMs(): number;
  /** An answer to it came: it has reached the broker. */
  wasAnswered(): void;
  /** What was not handed over yet is not sent. */
  cancel(): void;
}

/** A shipment and what has become of it. */
export interface Job extends Shipment {
  iterator: Iterator<ChunkMessage> | undefined;
  handed: number;
  bytes: number;
  encodeMs: number;
  largestBytes: number;
  keptBytes: number;
  isWaiting: boolean;
  startedAtMs: number;
  /** When its last message was handed over, or it was cancelled. */
  stoppedAtMs: number | undefined;
  /** Places in the order of all that was published: how far it was read when this came, … */
  readPlace: number;
  /** … and the end of its last message. */
  endPlace: number;
}

/** Field by field: merging objects takes ten times as long on a thread that has slept. */
export function beginJob(shipment: Shipment, startedAtMs: number, readPlace: number): Job {
  const { topic, count, messages, leadBytes, isUrgent, onFailed } = shipment;
  return {
    topic,
    count,
    messages,
    leadBytes,
    isUrgent,
    onFailed,
    iterator: undefined,
    handed: 0,
    bytes: 0,
    encodeMs: 0,
    largestBytes: 0,
    keptBytes: Number.POSITIVE_INFINITY,
    isWaiting: false,
    startedAtMs,
    stoppedAtMs: undefined,
    readPlace,
    endPlace: readPlace,
  };
}

/** @returns whether its next message may go while so much is under way, which it takes note of */
export function claimTurn(job: Job, underWayBytes: number): boolean {
  if (underWayBytes > Math.max(job.leadBytes, job.largestBytes)) {
    job.isWaiting = true;
    return false;
  }
  // Before its first message, others kept the wire busy.
  if (job.isWaiting && job.handed > 0) job.keptBytes = Math.min(job.keptBytes, underWayBytes);
  job.isWaiting = false;
  return true;
}

/** @param bytes of a message that was handed over and ends at this place */
export function countMessage(job: Job, bytes: number, endPlace: number): void {
  job.endPlace = endPlace;
  job.bytes += bytes;
  job.largestBytes = Math.max(job.largestBytes, bytes);
  job.handed += 1;
}

export function isWhole({ handed, count }: Job): boolean {
  return handed === count;
}

export interface SendingOptions {
  underWay: UnderWay;
  clock: Clock;
  cancel: (job: Job) => void;
}

export function sendingOf(job: Job, { underWay, clock, cancel }: SendingOptions): Sending {
  return {
    bytes: () => job.bytes,
    encodeMs: () => job.encodeMs,
    isWhole: () => isWhole(job),
    keptBytes: () => job.keptBytes,
    reached() {
      // Where none of it was handed over, others had the link.
      const bytes = job.handed === 0 ? 0 : job.endPlace - job.readPlace;
      const untilMs = (isWhole(job) ? undefined : job.stoppedAtMs) ?? clock.nowMs();
      return { bytes, elapsedMs: untilMs - job.startedAtMs };
    },
    remainingMs() {
      if (isWhole(job)) return 0;
      const onTheWay = underWay.bytes();
      const read = underWay.published() - onTheWay - job.readPlace;
      const left = onTheWay + (job.count - job.handed) * job.largestBytes;
      // Where others still keep it waiting, all that lies in front.
      const arriving = Math.min(onTheWay, job.largestBytes || onTheWay);
      const reached = read + arriving;
      return reached > 0 ? ((left - arriving) * (clock.nowMs() - job.startedAtMs)) / reached : 0;
    },
    wasAnswered: () => underWay.wasRead(job.endPlace),
    cancel: () => cancel(job),
  };
}
