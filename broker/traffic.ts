/** Messages and their payload bytes, since the broker started. */
export interface TrafficCounts {
  messagesIn: number;
  bytesIn: number;
  messagesOut: number;
  bytesOut: number;
  /** QoS 0 messages that a slow peer did not get, and others that found no room in a kept session. */
  messagesDropped: number;
  bytesDropped: number;
}

export interface Traffic {
  received(bytes: number): void;
  sent(bytes: number): void;
  dropped(bytes: number): void;
  counts(): TrafficCounts;
}

export function createTraffic(): Traffic {
  const counts = { messagesIn: 0, bytesIn: 0, messagesOut: 0, bytesOut: 0, messagesDropped: 0, bytesDropped: 0 };
  return {
    received(bytes) {
      counts.messagesIn += 1;
      counts.bytesIn += bytes;
    },
    sent(bytes) {
      counts.messagesOut += 1;
      counts.bytesOut += bytes;
    },
    dropped(bytes) {
      counts.messagesDropped += 1;
      counts.bytesDropped += bytes;
    },
    counts: () => ({ ...counts }),
  };
}
