import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';

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
 * nothing waits while the broker is away, for on connecting all of it is published anyway.
 */
export interface Publisher {
  publish(memberIds: Iterable<string>): void;
  /** Resolves when nothing waits and nothing is on its way. */
  idle(): Promise<void>;
  close(): void;
}

export function createPublisher(options: {
  sink: RetainedSink;
  clock: Clock;
  /** The newest configuration; undefined: there is none. */
  messageFor: (memberId: string) => { topic: string; payload: string } | undefined;
  log: Log;
}): Publisher {
  const { sink, clock, messageFor, log } = options;
  const waiting = new Set<string>();
  const inFlight = new Set<string>();
  let idleListeners: (() => void)[] = [];
  let cancelRetry: (() => void) | undefined;
  let closed = false;

  async function send(id: string): Promise<boolean> {
    try {
      const message = messageFor(id);
      return (
        message === undefined || (await sink.publishAcknowledged(message.topic, message.payload, { retain: true }))
      );
    } catch (error) {
      log.error({ member: id, reason: messageOf(error) }, 'no configuration to publish');
      return true;
    }
  }
  function start(id: string): void {
    waiting.delete(id);
    inFlight.add(id);
    void send(id).then((acknowledged) => {
      inFlight.delete(id);
      if (!acknowledged) {
        waiting.add(id);
        cancelRetry ??= clock.after(retryDelayMs, () => {
          cancelRetry = undefined;
          pump();
        });
      } else pump();
    });
  }
  function pump(): void {
    if (closed || !sink.connected()) waiting.clear();
    if (cancelRetry === undefined) {
      for (const id of waiting) {
        if (inFlight.size >= maxInFlight) break;
        if (!inFlight.has(id)) start(id);
      }
    }
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
      cancelRetry?.();
      cancelRetry = undefined;
      waiting.clear();
    },
  };
}
