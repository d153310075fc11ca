import { Readable } from 'node:stream';
import type { AedesPublishPacket, Client, PubrelPacket } from 'aedes';
import { createByteBudget } from './byte-budget.ts';
import type { BrokerConfig } from './config.ts';
import {
  createKeptSubscriptions,
  type KeptSubscription,
  type KeptSubscriptionsOptions,
  type SubscribedSession,
} from './kept-subscriptions.ts';
import { createReceivedIds } from './received-ids.ts';
import type { RetainedMessages } from './retained-messages.ts';
import { createSessionQueue } from './session-queue.ts';

/**
 * Sessions and retained messages, in memory and bounded: what Aedes calls its persistence, in place of its own, whose
 * queues have no limit and which keeps filters that were refused.
 */
export interface SessionStore {
  /** @returns the session of a client id, made where there is none; undefined where there are too many */
  open(clientId: string): SubscribedSession | undefined;
  /** Sessions that are kept, their clients connected or not. */
  size(): number;
  /** Bytes of the messages that all sessions keep. */
  queuedBytes(): number;
  /** What Aedes calls. */
  readonly persistence: object;
}

export interface SessionStoreOptions {
  config: BrokerConfig;
  retained: RetainedMessages;
  grantedQos: KeptSubscriptionsOptions['grantedQos'];
  /** A message of so many bytes found no room in its session's queue. */
  onLost: (bytes: number) => void;
}

export function createSessionStore({ config, retained, grantedQos, onLost }: SessionStoreOptions): SessionStore {
  const kept = new Map<string, SubscribedSession>();
  const budget = createByteBudget(config.maxQueuedTotalBytes);

  function end(clientId: string): void {
    kept.get(clientId)?.queue.clear();
    kept.delete(clientId);
  }

  const find = (clientId: string): SubscribedSession | undefined => kept.get(clientId);
  return {
    open(clientId) {
      const known = kept.get(clientId);
      if (known === undefined && kept.size >= config.maxSessions) return undefined;
      const session = known ?? {
        queue: createSessionQueue({ maxBytes: config.maxQueuedBytes, budget }),
        subscriptions: new Map(),
        resumed: false,
      };
      session.resumed = known !== undefined;
      session.queue.hold();
      kept.set(clientId, session);
      return session;
    },
    size: () => kept.size,
    queuedBytes: budget.used,
    persistence: {
      setup: async (): Promise<void> => {},
      ...createRetainedCalls(retained),
      ...createKeptSubscriptions({ find, end, grantedQos }),
      ...createOutgoingCalls(find, onLost),
      ...createReceivedIds(config.maxInflightInbound),
      // The peer of a connection has its will; Aedes would publish those of other brokers that it takes for dead.
      putWill: async (): Promise<void> => {},
      delWill: async (): Promise<void> => {},
      streamWill: (): Readable => Readable.from([]),
    },
  };
}

function createRetainedCalls(retained: RetainedMessages) {
  return {
    storeRetained: async (packet: AedesPublishPacket): Promise<void> => retained.store(packet),
    createRetainedStreamCombi: (filters: string[]): Readable => Readable.from(retained.matching(filters)),
  };
}

type ClientRef = Pick<Client, 'id'>;

function createOutgoingCalls(
  find: (clientId: string) => SubscribedSession | undefined,
  onLost: SessionStoreOptions['onLost'],
) {
  return {
    async outgoingEnqueueCombi(subscriptions: readonly KeptSubscription[], packet: AedesPublishPacket): Promise<void> {
      let payload: Buffer | undefined;
      for (const { queue, topic: filter, qos } of subscriptions) {
        const lower = Math.min(qos, packet.qos);
        if (lower !== 1 && lower !== 2) continue;
        // A slice would keep the whole chunk alive in which it arrived.
        payload ??= Buffer.from(packet.payload);
        const message = { topic: packet.topic, payload, qos: lower, retain: false } as const;
        if (!queue.add({ counter: packet.brokerCounter, filter }, message)) onLost(payload.length);
      }
    },
    outgoingStream: ({ id }: ClientRef): Readable => Readable.from(find(id)?.queue.resend() ?? []),
    /** Called for what is sent again, and for each PUBREC; a message that is new has its identifier already. */
    async outgoingUpdate({ id }: ClientRef, packet: AedesPublishPacket | PubrelPacket): Promise<void> {
      const queue = find(id)?.queue;
      if (packet.cmd === 'pubrel' && packet.messageId !== undefined) queue?.received(packet.messageId);
      queue?.resent();
    },
    async outgoingClearMessageId({ id }: ClientRef, { messageId }: { messageId?: number }): Promise<void> {
      if (messageId !== undefined) find(id)?.queue.acknowledged(messageId);
    },
  };
}
