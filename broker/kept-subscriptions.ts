import type { Client, Subscription } from 'aedes';
import { createFilterTree } from './filter-tree.ts';
import type { SessionQueue } from './session-queue.ts';

/** A filter of a kept session. */
export interface KeptSubscription {
  queue: SessionQueue;
  /** The filter, as Aedes calls it. */
  topic: string;
  qos: 0 | 1 | 2;
}

/** What subscriptions need of a session. */
export interface SubscribedSession {
  readonly queue: SessionQueue;
  readonly subscriptions: Map<string, KeptSubscription>;
  /** Whether it was there before the CONNECT that has it now. */
  resumed: boolean;
}

/**
 * Aedes says that a session was there only where it had subscriptions [MQTT-3.2.2-2]: a kept one has this as well. It is
 * granted to nobody.
 */
export const sessionMark: Subscription = { topic: '$session', qos: 0 };

type ClientRef = Pick<Client, 'id'>;

export interface KeptSubscriptionsOptions {
  find: (clientId: string) => SubscribedSession | undefined;
  /** Ends a session, its subscriptions gone. */
  end: (clientId: string) => void;
  /** @returns the QoS that was granted to a client for a filter, undefined where it was refused */
  grantedQos: (client: Client, filter: string) => 0 | 1 | 2 | undefined;
}

/** The subscriptions of kept sessions: the part of Aedes's persistence that it calls for them. */
export function createKeptSubscriptions({ find, end, grantedQos }: KeptSubscriptionsOptions) {
  const tree = createFilterTree<KeptSubscription>();

  function forget(session: SubscribedSession, filter: string): void {
    const subscription = session.subscriptions.get(filter);
    if (subscription === undefined) return;
    session.subscriptions.delete(filter);
    tree.remove(filter, subscription);
  }

  return {
    /** Called once for each filter that was granted, with all filters of the SUBSCRIBE. */
    async addSubscriptions(client: Client, subscriptions: readonly Subscription[]): Promise<void> {
      const session = find(client.id);
      if (session === undefined) return;
      for (const { topic } of subscriptions) {
        const qos = grantedQos(client, topic);
        if (qos === undefined) continue;
        forget(session, topic);
        const subscription: KeptSubscription = { queue: session.queue, topic, qos };
        session.subscriptions.set(topic, subscription);
        tree.add(topic, subscription);
      }
    },
    async removeSubscriptions({ id }: ClientRef, filters: readonly string[]): Promise<void> {
      const session = find(id);
      if (session !== undefined) for (const filter of filters) forget(session, filter);
    },
    async subscriptionsByClient({ id }: ClientRef): Promise<Subscription[]> {
      const session = find(id);
      if (session?.resumed !== true) return [];
      return [sessionMark, ...[...session.subscriptions.values()].map(({ topic, qos }) => ({ topic, qos }))];
    },
    async cleanSubscriptions({ id }: ClientRef): Promise<void> {
      const session = find(id);
      if (session === undefined) return;
      for (const filter of [...session.subscriptions.keys()]) forget(session, filter);
      end(id);
    },
    subscriptionsByTopic: async (topic: string): Promise<readonly KeptSubscription[]> => tree.match(topic),
  };
}
