import type { AedesPublishPacket, PublishPacket, Subscription } from 'aedes';
import { type Access, mayRetain } from './access.ts';
import type { BrokerConfig } from './config.ts';
import type { Peer } from './peer.ts';
import type { RefusalReason, Refusals } from './refusals.ts';
import type { RetainedBudget } from './retained-budget.ts';
import type { Traffic } from './traffic.ts';

/** The topic rules at every place where a message or a filter enters or leaves Aedes. */
export interface TopicGuard {
  /** @returns why the message is refused, or undefined: it may be published, and retained if it asks for that */
  publish(peer: Peer | undefined, packet: PublishPacket): RefusalReason | undefined;
  /** @returns whether the filter is granted; a denied one is answered with 0x80 [MQTT-3.9.3-2] */
  subscribe(peer: Peer | undefined, subscription: Subscription): boolean;
  unsubscribed(peer: Peer | undefined, filters: readonly string[]): void;
  /** @returns whether the message goes to this peer */
  forward(peer: Peer | undefined, packet: AedesPublishPacket): boolean;
}

export interface TopicGuardOptions {
  config: BrokerConfig;
  access: Access;
  refusals: Refusals;
  retained: RetainedBudget;
  traffic: Traffic;
}

export function createTopicGuard({ config, access, refusals, retained, traffic }: TopicGuardOptions): TopicGuard {
  return {
    publish(peer, packet) {
      const identity = peer?.identity;
      if (peer === undefined || identity === undefined) return 'publish-denied';
      // A will belongs to a connection's end. Aedes also sends the wills of brokers that it takes for dead, and may
      // take itself for one when the wall clock jumps.
      if (packet === peer.hello?.will && !peer.stream.destroyed) return 'will-denied';
      if (!access.mayPublish(identity, packet.topic)) return 'publish-denied';
      if (!packet.retain) return undefined;
      if (!mayRetain(packet.topic)) return 'retain-denied';
      if (!retained.admit(packet.topic, packet.payload.length)) return 'retained-too-large';
      // A slice would keep the whole chunk alive in which it arrived.
      packet.payload = Buffer.from(packet.payload);
      return undefined;
    },
    subscribe(peer, { topic }) {
      if (peer?.identity === undefined || !access.maySubscribe(peer.identity, topic)) {
        refusals.count('subscribe-denied', { id: peer?.identity?.id, filter: topic });
        return false;
      }
      if (peer.filters.size >= config.maxFilters && !peer.filters.has(topic)) {
        refusals.count('filter-limit', { id: peer.identity.id });
        return false;
      }
      peer.filters.add(topic);
      return true;
    },
    unsubscribed(peer, filters) {
      for (const filter of filters) peer?.filters.delete(filter);
    },
    forward(peer, { topic, qos, payload }) {
      if (peer?.identity === undefined || !access.maySubscribe(peer.identity, topic)) {
        refusals.count('forward-denied', { id: peer?.identity?.id, topic });
        return false;
      }
      const { unsentBytes } = peer.stream;
      if (qos === 0 && unsentBytes > config.maxUnsentBytes) {
        traffic.dropped(payload.length);
        return false;
      }
      if (unsentBytes > config.maxBacklogBytes) {
        peer.stream.cut('backlog');
        return false;
      }
      traffic.sent(payload.length);
      return true;
    },
  };
}
