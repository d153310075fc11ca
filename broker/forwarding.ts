import type { AedesPublishPacket } from 'aedes';
import type { Access } from './access.ts';
import type { BrokerConfig } from './config.ts';
import type { Peer } from './peer.ts';
import type { Refusals } from './refusals.ts';
import type { OutgoingKey } from './session-queue.ts';
import { filterOf } from './topic-bus.ts';
import { createMatcher } from './topic-filter.ts';
import type { Traffic } from './traffic.ts';

/** Decides on each message to each peer, the last moment before it is sent. */
export interface Forwarding {
  /** Sets the packet's QoS and identifier to what this peer gets. @returns whether it gets the message */
  forward(peer: Peer | undefined, packet: AedesPublishPacket): boolean;
}

export interface ForwardingOptions {
  config: BrokerConfig;
  access: Access;
  refusals: Refusals;
  traffic: Traffic;
}

export function createForwarding({ config, access, refusals, traffic }: ForwardingOptions): Forwarding {
  /** @returns whether the peer has room for a message of this QoS; one that takes nothing at all is cut */
  function hasRoom({ stream }: Peer, qos: number, bytes: number): boolean {
    if (qos === 0 && stream.unsentBytes > config.maxUnsentBytes) {
      traffic.dropped(bytes);
      return false;
    }
    if (stream.unsentBytes <= config.maxBacklogBytes) return true;
    stream.cut('backlog');
    return false;
  }

  /** @returns whether the message is in the peer's kept session, if it has one, and may be sent now */
  function isKept({ queue }: Peer, packet: AedesPublishPacket, key: OutgoingKey): boolean {
    const { topic, payload, qos } = packet;
    if (queue === undefined || qos === 0) return true;
    // A retained message goes to a new subscription past the queue; from now on it is as any other one.
    const isNew = packet.retain && filterOf(packet) === undefined;
    if (isNew && !queue.add(key, { topic, payload: Buffer.from(payload), qos, retain: true })) {
      traffic.dropped(payload.length);
    }
    const messageId = queue.take(key);
    if (messageId !== undefined) packet.messageId = messageId;
    return messageId !== undefined;
  }

  /** A session that is resumed has its subscriptions before its CONNACK is out [MQTT-3.2.0-1]. */
  function mayGoNow(peer: Peer, packet: AedesPublishPacket, key: OutgoingKey): boolean {
    return packet.qos === 0 ? peer.stream.isOpen : isKept(peer, packet, key);
  }

  return {
    forward(peer, packet) {
      const { topic, payload } = packet;
      const key = { counter: packet.brokerCounter, filter: filterOf(packet) ?? '' };
      const mayHave = peer?.identity !== undefined && access.maySubscribe(peer.identity, topic);
      if (!mayHave) refusals.count('forward-denied', { id: peer?.identity?.id, topic });
      const granted = mayHave ? grantedQos(peer, packet) : undefined;
      if (peer === undefined || granted === undefined) {
        peer?.queue?.drop(key);
        return false;
      }
      if (granted < packet.qos) packet.qos = granted;
      if (!hasRoom(peer, packet.qos, payload.length)) return false;
      // What is sent again has the identifier that it had.
      const isResent = packet.messageId !== undefined;
      if (!isResent && !mayGoNow(peer, packet, key)) return false;
      traffic.sent(payload.length);
      return true;
    },
  };
}

/**
 * @returns the QoS that the peer's subscription allows, undefined where it was given up; of a retained message, the best
 *   of all subscriptions that match
 */
function grantedQos({ filters }: Peer, packet: AedesPublishPacket): 0 | 1 | 2 | undefined {
  const filter = filterOf(packet);
  if (filter !== undefined) return filters.get(filter);
  // What is sent again has its QoS since it was queued.
  if (!packet.retain || packet.messageId !== undefined) return packet.qos;
  let best: 0 | 1 | 2 | undefined;
  for (const [candidate, qos] of filters) {
    if (qos > (best ?? -1) && createMatcher(candidate)(packet.topic)) best = qos;
  }
  return best;
}
