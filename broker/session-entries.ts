import type { ByteBudget } from './byte-budget.ts';

/** A message as it goes to one client. */
export interface Outgoing {
  topic: string;
  payload: Buffer;
  qos: 1 | 2;
  retain: boolean;
}

/** One message that its client has not acknowledged. */
export interface Entry {
  readonly key: string;
  /** Undefined once the client has received it. */
  message: Outgoing | undefined;
  /** Undefined until it was sent. */
  messageId: number | undefined;
  bytes: number;
}

/**
 * The entries of one session, oldest first: within the limits of the session and of all together, each under a packet
 * identifier that no other one has [MQTT-2.3.1-4].
 */
export interface SessionEntries {
  /** @returns false where there is no room */
  add(key: string, message: Outgoing): boolean;
  all(): Iterable<Entry>;
  /** Those that were not sent. */
  readonly waiting: ReadonlyMap<string, Entry>;
  find(messageId: number): Entry | undefined;
  /** @returns the entry's packet identifier, its first one where it has none: then it waits no longer */
  identify(entry: Entry): number;
  /** Forgets its message, not itself. */
  emptied(entry: Entry): void;
  remove(entry: Entry): void;
  bytes(): number;
}

export interface SessionLimits {
  maxBytes: number;
  /** Shared by all sessions. */
  budget: ByteBudget;
}

/** What keeping one message costs besides its payload and topic, bytes. */
export const entryBytes = 256;
const largestMessageId = 65_535;

export function createSessionEntries({ maxBytes, budget }: SessionLimits): SessionEntries {
  const entries = new Set<Entry>();
  const waiting = new Map<string, Entry>();
  const byId = new Map<number, Entry>();
  let bytes = 0;
  let lastId = 0;

  function shrink(entry: Entry, kept: number): void {
    bytes -= entry.bytes - kept;
    budget.giveBack(entry.bytes - kept);
    entry.bytes = kept;
  }

  return {
    add(key, message) {
      const needed = message.payload.length + message.topic.length + entryBytes;
      if (entries.size >= largestMessageId || bytes + needed > maxBytes || !budget.take(needed)) return false;
      const entry: Entry = { key, message, messageId: undefined, bytes: needed };
      bytes += needed;
      entries.add(entry);
      waiting.set(key, entry);
      return true;
    },
    all: () => entries,
    waiting,
    find: (messageId) => byId.get(messageId),
    identify(entry) {
      if (entry.messageId !== undefined) return entry.messageId;
      do lastId = (lastId % largestMessageId) + 1;
      while (byId.has(lastId));
      waiting.delete(entry.key);
      entry.messageId = lastId;
      byId.set(lastId, entry);
      return lastId;
    },
    emptied(entry) {
      entry.message = undefined;
      shrink(entry, entryBytes);
    },
    remove(entry) {
      shrink(entry, 0);
      entries.delete(entry);
      waiting.delete(entry.key);
      if (entry.messageId !== undefined) byId.delete(entry.messageId);
    },
    bytes: () => bytes,
  };
}
