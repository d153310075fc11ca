/** Counts what retained messages hold, so that no client can fill the broker's memory with them. */
export interface RetainedBudget {
  /** @returns false where the message would exceed a limit: it must not be stored */
  admit(topic: string, bytes: number): boolean;
  bytes(): number;
}

export function createRetainedBudget(options: { maxBytes: number; maxTotalBytes: number }): RetainedBudget {
  const byTopic = new Map<string, number>();
  let total = 0;
  return {
    admit(topic, bytes) {
      const next = total - (byTopic.get(topic) ?? 0) + bytes;
      if (bytes > options.maxBytes || (bytes > 0 && next > options.maxTotalBytes)) return false;
      total = next;
      // An empty retained message deletes the one before [MQTT-3.3.1-10].
      if (bytes === 0) byTopic.delete(topic);
      else byTopic.set(topic, bytes);
      return true;
    },
    bytes: () => total,
  };
}
