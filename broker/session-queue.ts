import {
  createSessionEntries,
  type Entry,
  type Outgoing,
  type SessionEntries,
  type SessionLimits,
} from './session-entries.ts';

/** By what a message is told from others while it has no packet identifier: its number, and the filter it came by. */
export interface OutgoingKey {
  counter: number;
  filter: string;
}

/** What goes out when a client is back. */
export type Resent =
  | (Outgoing & { cmd: 'publish'; dup: boolean; messageId: number })
  | { cmd: 'pubrel'; messageId: number };

/**
 * The messages of QoS 1 and 2 that a client with a kept session has not acknowledged.
 *
 * INVARIANTS
 * - Each message is in here before it is sent; one that finds no room is never sent.
 * - While a client that came back gets what it missed, nothing newer overtakes it [MQTT-4.6.0-6].
 */
export interface SessionQueue {
  /** @returns false where there is no room */
  add(key: OutgoingKey, message: Outgoing): boolean;
  /** @returns the packet identifier to send a waiting message under; undefined where it may not be sent now */
  take(key: OutgoingKey): number | undefined;
  /** Forgets a waiting message, which its client may not have. */
  drop(key: OutgoingKey): void;
  /** The client is coming back: from now on nothing is sent but by `resend`. */
  hold(): void;
  /** All that the client has not acknowledged, oldest first [MQTT-4.4.0-1]; it ends when all of it is on its way. */
  resend(): AsyncGenerator<Resent>;
  /** The next one of `resend` is on its way. */
  resent(): void;
  /** PUBREC: from now on PUBREL is what is sent again. */
  received(messageId: number): void;
  /** PUBACK or PUBCOMP. */
  acknowledged(messageId: number): void;
  bytes(): number;
  clear(): void;
}

/** Set while the client gets what it missed; told when one of these is on its way, or a later one begins. */
interface Resending {
  unsent: number;
  progress: () => void;
}

export function createSessionQueue(limits: SessionLimits): SessionQueue {
  const entries = createSessionEntries(limits);
  let resending: Resending | undefined;

  function begin(): Resending {
    resending?.progress();
    resending = { unsent: 0, progress: () => {} };
    return resending;
  }

  async function* resend(): AsyncGenerator<Resent> {
    const mine = begin();
    // What is added meanwhile comes last, here or below.
    for (const entry of entries.all()) {
      if (resending !== mine) return;
      mine.unsent += 1;
      yield toResent(entries, entry);
    }
    while (resending === mine && (mine.unsent > 0 || entries.waiting.size > 0)) {
      for (const entry of entries.waiting.values()) {
        mine.unsent += 1;
        yield toResent(entries, entry);
      }
      if (mine.unsent > 0) await nextProgress(mine);
    }
    if (resending === mine) resending = undefined;
  }

  return {
    add: (key, message) => entries.add(textOf(key), message),
    take(key) {
      const entry = resending === undefined ? entries.waiting.get(textOf(key)) : undefined;
      return entry && entries.identify(entry);
    },
    drop(key) {
      const entry = entries.waiting.get(textOf(key));
      if (entry !== undefined) entries.remove(entry);
    },
    hold: () => void begin(),
    resend,
    resent() {
      if (resending === undefined) return;
      resending.unsent -= 1;
      resending.progress();
    },
    received(messageId) {
      const entry = entries.find(messageId);
      if (entry !== undefined) entries.emptied(entry);
    },
    acknowledged(messageId) {
      const entry = entries.find(messageId);
      if (entry !== undefined) entries.remove(entry);
    },
    bytes: entries.bytes,
    clear() {
      for (const entry of entries.all()) entries.remove(entry);
      resending?.progress();
      resending = undefined;
    },
  };
}

function textOf({ counter, filter }: OutgoingKey): string {
  return `${counter} ${filter}`;
}

function toResent(entries: SessionEntries, entry: Entry): Resent {
  const dup = entry.messageId !== undefined; // [MQTT-3.3.1-1]
  const messageId = entries.identify(entry);
  return entry.message === undefined
    ? { cmd: 'pubrel', messageId }
    : { cmd: 'publish', ...entry.message, dup, messageId };
}

function nextProgress(resending: Resending): Promise<void> {
  return new Promise((resolve) => {
    resending.progress = resolve;
  });
}
