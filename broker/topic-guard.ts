import type { PublishPacket, Subscription } from 'aedes';
import type { Access } from './access.ts';
import type { BrokerConfig } from './config.ts';
import { sessionMark } from './kept-subscriptions.ts';
import type { Peer } from './peer.ts';
import type { RefusalReason, Refusals } from './refusals.ts';
import type { RetainedMessages } from './retained-messages.ts';

/** The topic rules wherever a message or a filter enters Aedes. */
export interface TopicGuard {
  /** @returns why the message is refused, or undefined: it may be published, and retained if it asks for that */
  publish(peer: Peer | undefined, packet: PublishPacket): RefusalReason | undefined;
  /** @returns whether the filter is granted; a denied one is answered with 0x80 [MQTT-3.9.3-2] */
  subscribe(peer: Peer | undefined, subscription: Subscription): boolean;
  unsubscribed(peer: Peer | undefined, filters: readonly string[]): void;
}

export interface TopicGuardOptions {
  config: BrokerConfig;
  access: Access;
  refusals: Refusals;
  retained: RetainedMessages;
}

export function createTopicGuard({ config, access, refusals, retained }: TopicGuardOptions): TopicGuard {
  return {
    publish(peer, packet) {
      if (peer?.identity === undefined || !access.mayPublish(peer.identity, packet.topic)) return 'publish-denied';
      if (!packet.retain) return undefined;
      if (!access.mayRetain(packet.topic)) return 'retain-denied';
      return retained.admits(packet.topic, packet.payload.length) ? undefined : 'retained-too-large';
    },
    subscribe(peer, { topic, qos }) {
      // Nobody subscribes to it: a session that is resumed brings it along.
      if (topic === sessionMark.topic) return false;
      if (peer?.identity === undefined || !access.maySubscribe(peer.identity, topic)) {
        refusals.count('subscribe-denied', { id: peer?.identity?.id, filter: topic });
        return false;
      }
      if (peer.filters.size >= config.maxFilters && !peer.filters.has(topic)) {
        refusals.count('filter-limit', { id: peer.identity.id });
        return false;
      }
      peer.filters.set(topic, qos);
      return true;
    },
    unsubscribed(peer, filters) {
      for (const filter of filters) peer?.filters.delete(filter);
    },
  };
}
