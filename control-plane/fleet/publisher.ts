import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { createPace } from './pace.ts';

const maxInFlight = 32;
const retryDelayMs = 200;

/** The part of a broker connection that the publisher needs. */
export interface RetainedSink {
  connected(): boolean;
  publishAcknowledged(topic: string, payload: string, options: { retain: true }): Promise<boolean>;
}

/**
 * Publishes retained configurations.
 * INVARIANTS: of one member at most one message is on its way, and each carries the newest configuration when it
 * leaves, so that an older version never overtakes a newer one; what the broker did not acknowledge is sent again;
 * no more leave in a second than the pace allows, whatever made them due;
 * nothing waits while the broker is away, for on connecting all of it is published anyway.
 */
export interface Publisher {
  publish(memberIds: Iterable<string>): void;
  /** Resolves when nothing waits and nothing is on its way. */
  idle(): Promise<void>;
  close(): void;
}

export interface PublisherOptions {
  sink: RetainedSink;
  clock: Clock;
  /** How many may leave in a second. */
  perSecond: number;
  /** The newest configuration; undefined: there is none. */
  messageFor: (memberId: string) => { topic: string; payload: string } | undefined;
  log: Log;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { sink, clock, perSecond } = options;
  const pace = createPace({ perSecond, clock });
  const waiting = new Set<string>();
  const inFlight = new Set<string>();
  let idleListeners: (() => void)[] = [];
  let cancelWait: (() => void) | undefined;
  let closed = false;

  function start(id: string): void {
    waiting.delete(id);
    inFlight.add(id);
    void send(options, id).then((acknowledged) => {
      inFlight.delete(id);
      if (acknowledged) return pump();
      waiting.add(id);
      wait(retryDelayMs);
    });
  }
  function wait(ms: number): void {
    cancelWait ??= clock.after(ms, () => {
      cancelWait = undefined;
      pump();
    });
  }
  function sendWaiting(): void {
    for (const id of waiting) {
      if (inFlight.size >= maxInFlight) return;
      if (inFlight.has(id)) continue;
      if (!pace.take()) {
        wait(pace.waitMs());
        return;
      }
      start(id);
    }
  }
  function pump(): void {
    if (closed || !sink.connected()) waiting.clear();
    if (cancelWait === undefined) sendWaiting();
    if (waiting.size > 0 || inFlight.size > 0) return;
    for (const listener of idleListeners) listener();
    idleListeners = [];
  }
  return {
    publish(memberIds) {
      for (const id of memberIds) waiting.add(id);
      pump();
    },
    idle() {
      return new Promise((resolve) => {
        idleListeners.push(resolve);
        pump();
      });
    },
    close() {
      closed = true;
      cancelWait?.();
      cancelWait = undefined;
      waiting.clear();
    },
  };
}

/** @returns whether there is nothing more to do for it: the broker has it, or it cannot be told */
async function send({ sink, messageFor, log }: PublisherOptions, id: string): Promise<boolean> {
  try {
    const message = messageFor(id);
    return message === undefined || (await sink.publishAcknowledged(message.topic, message.payload, { retain: true }));
  } catch (error) {
    log.error({ member: id, reason: messageOf(error) }, 'no configuration to publish');
    return true;
  }
}
