import type { PublishPacket } from 'aedes';
import { createMatcher, hasWildcard } from './topic-filter.ts';

/** The newest retained message of each topic [MQTT-3.3.1-5], within limits that no client can fill the memory beyond. */
export interface RetainedMessages {
  /** @returns false where the message would exceed a limit: it must not be stored */
  admits(topic: string, payloadBytes: number): boolean;
  /** Stores a message whose payload nothing else will change; an empty one deletes its topic's [MQTT-3.3.1-10]. */
  store(packet: PublishPacket): void;
  /** The messages whose topic matches one of the filters, each once. */
  matching(filters: readonly string[]): AsyncGenerator<RetainedMessage>;
  /** Bytes of all payloads and topics. */
  bytes(): number;
}

export interface RetainedMessage {
  cmd: 'publish';
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  retain: true;
}

export interface RetainedLimits {
  /** Of one payload, bytes. */
  maxRetainedBytes: number;
  /** Of all payloads and topics, bytes. */
  maxRetainedTotalBytes: number;
  maxRetainedMessages: number;
}

/** Topics that are looked at without giving way to others: some tenths of a millisecond. */
const topicsAtOnce = 1000;

export function createRetainedMessages(limits: RetainedLimits): RetainedMessages {
  const byTopic = new Map<string, RetainedMessage>();
  let total = 0;

  function bytesOf(message: RetainedMessage | undefined): number {
    return message === undefined ? 0 : message.payload.length + message.topic.length;
  }

  function admits(topic: string, payloadBytes: number): boolean {
    if (payloadBytes === 0) return true;
    const before = byTopic.get(topic);
    if (before === undefined && byTopic.size >= limits.maxRetainedMessages) return false;
    const next = total - bytesOf(before) + payloadBytes + topic.length;
    return payloadBytes <= limits.maxRetainedBytes && next <= limits.maxRetainedTotalBytes;
  }

  return {
    admits,
    store({ topic, payload, qos }) {
      // Several were admitted before the first of them was stored.
      if (!admits(topic, payload.length)) return;
      total -= bytesOf(byTopic.get(topic));
      if (payload.length === 0) {
        byTopic.delete(topic);
        return;
      }
      const message: RetainedMessage = { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain: true };
      byTopic.set(topic, message);
      total += bytesOf(message);
    },
    async *matching(filters) {
      const exact = new Set(filters.filter((filter) => !hasWildcard(filter)));
      for (const topic of exact) {
        const message = byTopic.get(topic);
        if (message !== undefined) yield message;
      }
      const matchers = filters.filter(hasWildcard).map(createMatcher);
      if (matchers.length === 0) return;
      // Those that come meanwhile come last, and to the subscription itself.
      let left = byTopic.size;
      for (const [topic, message] of byTopic) {
        if (left === 0) return;
        left -= 1;
        if (left % topicsAtOnce === 0) await new Promise(setImmediate);
        if (!exact.has(topic) && matchers.some((matches) => matches(topic))) yield message;
      }
    },
    bytes: () => total,
  };
}
